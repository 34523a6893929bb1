# SPDX-License-Identifier: MIT
"""vmid-life.py - allocation and rollover of VMIDs on two harts (vmid_bits=2: VMIDs 1 to 3)."""
from hs.drawing import Figure

LEFT, COLUMN = 116, 126
COUNTERS = [("1", "2"), ("1", "3"), ("1", "4"), ("2", "2"), ("2", "3"), ("2", "4")]


def figure():
    fig = Figure("VMIDs: allocation and rollover", 880, 430,
                 ["src/kvm/mmu/vmid.c", "src/kvm/vcpu/vcpu.c", "src/kvm/mmu/hfence.h", "src/kvm/exit/run.c", "trace/events.def"])

    def place(step, span=1):
        return LEFT + step * COLUMN + 4, COLUMN * span - 8

    for step in range(6):
        x, w = place(step)
        fig.text(x + w / 2, 28, "*%d" % (step + 1), "middle")
        generation, next_vmid = COUNTERS[step]
        kind = "hart" if step == 3 else "plain"
        fig.box(x, 40, w, 48, ["generation " + generation, "next " + next_vmid], kind)
    fig.text(10, 60, "`generation`")
    fig.text(10, 78, "`next_vmid`")
    fig.text(10, 140, "*hart 0")
    fig.text(10, 230, "*hart 1")

    def cell(step, y, lines, span=1, kind="guest"):
        x, w = place(step, span)
        return fig.box(x, y, w, 66, lines, kind)

    cell(0, 108, ["*VM A enters", "fence of all", "VMID 1"])
    cell(2, 108, ["*VM C enters", "no fence", "VMID 3"])
    cell(3, 108, ["*VM D enters", "fence of all", "VMID 1, new"], kind="hart")
    cell(5, 108, ["*VM A enters", "no fence", "VMID 3"])
    cell(1, 198, ["*VM B enters (fence of all) and stays in its guest",
                  "VMID 2 of generation 1:", "this hart is not notified of the rollover"], span=3)
    cell(4, 198, ["*B enters again", "fence of all", "VMID 2, new"], kind="hart")

    fig.text(14, 298, "*1, 2, 3", "start")
    fig.text(80, 298, "`vmid_new()` assigns the next number; a hart's first entry in a generation fences (`hart_generation`).")
    fig.text(14, 322, "*4")
    fig.text(80, 322, "No VMID is left: `vmid_new()` begins generation 2 with VMID 1 (event `kvm_vmid_rollover`). Hart 0 drops")
    fig.text(80, 340, "all translations (`hfence_gvma_all()`) before D runs, including those of A under VMID 1.")
    fig.text(14, 364, "*5")
    fig.text(80, 364, "At entry, `vmid_update()` finds B's VMID out of date: B gets a new one, and hart 1 drops all translations.")
    fig.text(14, 388, "*6")
    fig.text(80, 388, "A runs again and gets the next VMID; hart 0 has already fenced in this generation.")
    fig.text(14, 416, "Invariant: in a hart's TLB, a VMID belongs to only one VM. "
                      "No hart waits for another, and no IPI is sent.", faint=True)
    return fig
