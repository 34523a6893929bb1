# SPDX-License-Identifier: MIT
"""world-switch.py - the state that each step of an entry and of an exit moves, and the state that no step moves."""
from hs.drawing import Figure

STEPS = [
    (("*1  host registers to memory (4)", "`ra sp gp tp`; the compiler saves others"),
     ("*6  host registers from memory (5)", "`ra sp gp tp`; then `ret`")),
    (("*2  CSRs swapped (14)", "`stvec sscratch sstatus hstatus sepc`; an SC"),
     ("*5  CSRs swapped back (13)", "`stvec sscratch sstatus hstatus`; `sepc` read")),
    (("*3  guest registers from memory (32)", "31 registers, `a0` last, then `sret`"),
     ("*4  guest registers to memory (31)", "31 registers, `a0` by way of `sscratch`")),
]


def figure():
    fig = Figure("The world switch: three steps in, three steps out", 860, 520,
                 ["src/kvm/exit/switch.S", "src/kvm/exit/run.c", "src/kvm/vcpu/vcpu.c", "src/kvm/vcpu/lazy_put.c",
                  "src/kvm/exit/exit.h", "src/kvm/vcpu/fp.h", "src/kvm/mmu/vmid.c", "src/kvm/vcpu/timer_sstc.c"])
    fig.band(10, 10, 840, 70, "*HS: the host, in C", "core")
    fig.box(40, 36, 340, 36, ["`run_once()` calls `vcpu_switch(vcpu)`"])
    fig.box(480, 36, 340, 36, ["`vcpu_switch()` returns: `scause stval`"])
    fig.band(10, 104, 840, 258)
    fig.text(430, 126, "*`switch.S`, interrupts off (in brackets: number of instructions)", "middle")
    for i, (entry, leave) in enumerate(STEPS):
        y = 140 + i * 74
        fig.box(40, y, 340, 54, list(entry), "core" if i == 0 else "hart" if i == 1 else "guest")
        fig.box(480, y, 340, 54, list(leave), "core" if i == 0 else "hart" if i == 1 else "guest")
        if i < 2:
            fig.arrow((210, y + 54), (210, y + 74))
            fig.arrow((650, y + 74), (650, y + 54))
    fig.arrow((210, 72), (210, 140))
    fig.arrow((650, 140), (650, 72))
    fig.arrow((210, 342), (210, 388))
    fig.arrow((650, 388), (650, 342))
    fig.text(220, 376, "V = 1 (SPV), VS or VU (SPP)", faint=True)
    fig.text(640, 376, "V = 0, SIE = 0, pc = `stvec`", "end", faint=True)
    fig.band(10, 388, 840, 36, "", "guest")
    fig.text(430, 411, "*the guest runs, until a trap that is not delegated to it", "middle")
    fig.text(430, 446, "*Not moved here, but in `vcpu_load()` and `vcpu_put()`, once for many exits:", "middle")
    fig.text(430, 468, "`vsstatus vsie vstvec vsscratch vsepc vscause vstval vsatp`", "middle")
    fig.text(430, 488, "`hgatp hvip hedeleg hcounteren henvcfg vstimecmp`, FP and vector registers", "middle")
    fig.text(430, 508, "`scause stval htval htinst` stay in the hart, untouched, for `run_once()`", "middle", True)
    return fig
