# SPDX-License-Identifier: MIT
"""exit-path.py - the functions that an exit passes through, from the guest's trap to the next sret."""
from hs.drawing import Figure

HANDLERS = [
    ("`exit_sbi()`", "`sbi.c`, `sbi_base.c`", "ecall from VS"),
    ("`exit_gstage_fault()`", "`gstage_fault.c`, `mmio.c`", "guest-page faults"),
    ("`exit_virtual_inst()`", "`insn.c`, `wfi.c`", "WFI, a CSR, ..."),
    ("`exit_host_irq()`", "`exit.c`", "a host interrupt"),
    ("`vcpu_redirect_trap()`", "`inject.c`", "the guest's own trap"),
]


def figure():
    fig = Figure("The exit path: from the guest's trap to the next sret", 880, 660,
                 ["src/kvm/" + name for name in (
                     "exit/run.c", "exit/switch.S", "exit/switch_fast.S", "exit/switch_full.c",
                     "exit/fastpath.c", "exit/exit.c", "exit/exit.h", "sbi/sbi.c", "sbi/sbi_base.c",
                     "exit/gstage_fault.c", "exit/mmio.c", "exit/insn.c", "vcpu/wfi.c",
                     "vcpu/inject.c", "vcpu/lazy_put.c", "request.c", "mmu/vmid.c", "uapi/api_vcpu.c")])
    fig.box(10, 10, 860, 34, ["*the guest (V = 1)"], "guest")
    fig.text(100, 66, "trap: pc = `stvec`", faint=True)

    # the fast path
    fast = fig.box(30, 84, 250, 54, ["`vcpu_exit_fast`", "`switch_fast.S` (fastpath=on)"], "core")
    quick = fig.box(30, 176, 250, 54, ["`vcpu_fast_sbi()`, or", "`vcpu_fast_virtual_inst()`"], "core")
    fig.arrow((90, 44), (90, 84))
    fig.arrow(fast.bottom(), quick.top(), label="ecall, virtual instruction", at=(166, 162))
    fig.arrow((30, 203), (18, 203), (18, 44), label="")
    fig.text(40, 250, "done: `sret` at once, no world switch", faint=True)

    # the slow path
    slow = fig.box(400, 84, 200, 54, ["`vcpu_exit_vector`", "`switch.S`, steps 4 to 6"], "core")
    fig.arrow((500, 44), (500, 84), label="fastpath=off", at=(508, 66))
    fig.arrow(fast.right(0.4), (400, 105.6), label="other causes", at=(294, 99))
    fig.arrow((280, 203), (340, 203), (340, 128), (400, 128), label="declined", at=(292, 220))

    once = fig.box(400, 168, 200, 54, ["`run_once()`", "reads `scause` and others"], "core")
    fig.arrow(slow.bottom(), once.top())
    handle = fig.box(400, 256, 200, 54, ["`exit_dispatch()`, `exit.c`:", "`exit_table[cause]`"], "core")
    fig.arrow(once.bottom(), handle.top())
    fig.box(640, 168, 200, 72, ["`exit_handle_full()`", "only with switch=full:", "`vcpu_reload()`"], "plain")
    fig.arrow((600, 195), (640, 195), dashed=True)
    fig.arrow((740, 240), (740, 283), (600, 283), dashed=True)

    # handlers
    fig.band(10, 338, 840, 100)
    fig.arrow(handle.bottom(), (500, 338))
    for i, (name, where, cause) in enumerate(HANDLERS):
        fig.box(14 + i * 167, 348, 164, 80, [name, where, cause], "core")

    # what follows
    user = fig.box(30, 480, 300, 72, ["*`RESUME_USER`", "`end_run()`: `KVM_RUN` returns,", "the VMM answers and calls it again"], "user")
    loop = fig.box(400, 480, 330, 72, ["*`RESUME_GUEST`", "`run_loop()`: requests first", "`serve_requests()`"], "core")
    fig.arrow((180, 438), (180, 480))
    fig.arrow((565, 438), (565, 480))
    fig.arrow(user.right(), loop.left())
    fig.text(40, 572, "then `vcpu_run()`: `complete_exit()`, `begin_run()`", faint=True)
    enter = fig.box(400, 588, 330, 54, ["`run_once()`: `vmid_update()`, `IN_GUEST`,", "requests again, `vcpu_switch()`"], "core")
    fig.arrow(loop.bottom(), enter.top())
    fig.arrow(enter.right(), (862, 615), (862, 44))
    fig.text(742, 634, "`sret`", faint=True)
    return fig
