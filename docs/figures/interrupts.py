# SPDX-License-Identifier: MIT
"""interrupts.py - a virtual interrupt, from its source to the guest's handler."""
from hs.drawing import Figure


def figure():
    fig = Figure("Interrupt delivery: from a device to the guest's handler", 880, 590,
                 ["src/vmm/plic.c", "src/kvm/uapi/api_vcpu.c", "src/kvm/vcpu/irq.c", "src/kvm/sbi/sbi_ipi.c", "src/kvm/vcpu/timer.c",
                  "src/kvm/vcpu/timer_hrtimer.c", "src/kvm/vcpu/timer_sstc.c", "src/kvm/request.c", "src/kvm/exit/run.c",
                  "src/kvm/exit/exit.c", "src/kvm/vcpu/wfi.c", "src/kvm/vcpu/vcpu.c", "src/include/hv/csr.def",
                  "src/kvm/exit/switch.S", "src/kvm/exit/fastpath.c"])
    fig.text(14, 26, "*Sources: any thread can raise a line")
    device = fig.box(14, 38, 270, 54, ["*external: a device of the VMM", "`plic.c`, `KVM_INTERRUPT`"], "user")
    ipi = fig.box(304, 38, 270, 54, ["*software: another vCPU", "SBI IPI, `sbi_ipi_send()`"], "guest")
    timer = fig.box(594, 38, 270, 54, ["*timer: a host timer (no Sstc)", "`timer_expired()`"], "core")
    fig.box(14, 126, 850, 54, ["`vcpu_set_irq()` writes the state to `irq_pending`, a mark to `irq_changed`,",
                               "calls `vcpu_request(vcpu, REQ_IRQ)`; then `kick()` checks where the vCPU is"], "core")
    for area in (device, ipi, timer):
        fig.arrow(area.bottom(), (area.bottom()[0], 126))

    guest = fig.box(14, 226, 270, 72, ["*in its guest (`VCPU_IN_GUEST`)",
                                       "`kick_hart()`: an IPI to its hart,", "which exits: `exit_host_irq()`"], "core")
    out = fig.box(304, 226, 270, 72, ["*outside (`VCPU_OUTSIDE`)", "nothing to do: requests are", "checked before each entry"], "core")
    asleep = fig.box(594, 226, 270, 72, ["*in WFI, its hart idle, or asleep",
                                         "`VCPU_IDLE`: `kick_hart()`", "`VCPU_ASLEEP`: `hv_wake_all()`"], "core")
    for area in (guest, out, asleep):
        fig.arrow((area.top()[0], 180), area.top())

    fig.box(14, 338, 850, 54, ["the vCPU's own thread, in `run_loop()`: `serve_requests()`, `vcpu_flush_irqs()`",
                               "takes the marks with one exchange and copies the lines to the CSR `hvip`"], "core")
    for area in (guest, out, asleep):
        fig.arrow(area.bottom(), (area.bottom()[0], 338))

    hart = fig.box(14, 430, 560, 54, ["*the hart, after `sret`: pending in `hvip` and enabled in `vsie`, `vsstatus`.SIE,",
                                      "delegated by `hideleg`: it jumps to `vstvec` without an exit"], "hart")
    sstc = fig.box(594, 430, 270, 54, ["*Sstc: the guest's own timer", "`vstimecmp` passed: VSTIP, no exit"], "hart")
    fig.arrow((294, 392), (294, 430))
    fig.arrow(sstc.left(), hart.right())
    fig.text(304, 414, "`vcpu_switch()`", faint=True)
    fig.box(14, 522, 850, 54, ["*the guest's handler",
                               "a device's interrupt is claimed and completed at the PLIC: MMIO, two exits to the VMM"], "guest")
    fig.arrow((294, 484), (294, 522))
    return fig
