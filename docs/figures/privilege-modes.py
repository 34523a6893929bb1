# SPDX-License-Identifier: MIT
"""privilege-modes.py - the software in each privilege mode, and the transitions between modes."""
from hs.drawing import Figure


def figure():
    fig = Figure("Privilege modes: the software in each mode, and the transitions", 860, 510,
                 ["src/kvm/vcpu/vcpu.c", "src/kvm/exit/exit.c", "src/kvm/exit/switch.S", "src/include/hv/csr.def",
                  "src/kvm/uapi/api_vcpu.c", "src/include/hv/csr.h", "src/kvm/exit/exit.h"])
    fig.band(10, 10, 330, 380)
    fig.text(175, 32, "*V = 0", "middle")
    fig.band(520, 10, 330, 280)
    fig.text(685, 32, "*V = 1: virtualization is on", "middle")

    fig.box(30, 48, 290, 60, ["*U: programs of the host", "the VMM (src/vmm), tests, your program"], "user")
    fig.box(30, 180, 290, 90, ["*HS: the hypervisor",
                               "src/kvm: VMs, vCPUs, exits, G-stage", "src/host: threads, memory, files, drivers"], "core")
    fig.box(30, 320, 290, 54, ["*M: the firmware, OpenSBI", "timers, IPIs, console, starting harts"], "plain")
    fig.box(540, 48, 290, 60, ["*VU: the guest's programs"], "guest")
    fig.box(540, 180, 290, 90, ["*VS: the guest's kernel",
                                "its `sstatus`, `stvec`, `satp` are", "`vsstatus`, `vstvec`, `vsatp` for HS"], "guest")

    fig.arrow((100, 108), (100, 180), label="system calls,", at=(108, 138))
    fig.text(108, 156, "`KVM_RUN`")
    fig.arrow((260, 180), (260, 108), label="`sret`", at=(252, 148), align="end")
    fig.arrow((100, 270), (100, 320), label="SBI calls", at=(108, 299))
    fig.arrow((260, 320), (260, 270), label="mret", at=(252, 299), align="end")

    fig.arrow((610, 108), (610, 180), label="`hedeleg`: system calls,", at=(618, 138))
    fig.text(618, 156, "page faults: no exit")
    fig.arrow((810, 180), (810, 108), label="", at=None)

    fig.arrow((320, 200), (540, 200), label="entry: `sret` with SPV = 1", at=(430, 192), align="middle")
    fig.arrow((540, 250), (320, 250), label="exit: `vcpu_exit_vector`", at=(430, 242), align="middle")
    fig.arrow((540, 90), (430, 90), (430, 168), (310, 168), (310, 180), dashed=True)
    fig.text(350, 66, "exits from VU go to HS,")
    fig.text(350, 84, "to the same vector", faint=True)

    fig.arrow((685, 270), (685, 347), (320, 347), dashed=True)
    fig.text(345, 310, "illegal instructions trap to OpenSBI", faint=True)
    fig.text(345, 328, "first, which redirects them", faint=True)

    fig.text(20, 418, "*Traps that exit to HS (scause):")
    fig.text(20, 440, "10 ecall from VS; 20, 21, 23 guest-page faults; 22 virtual instruction; "
                      "access and misaligned faults; host interrupts.")
    fig.text(20, 462, "The guest itself takes the traps in `HEDELEG_DEFAULT` and `HIDELEG_DEFAULT` (`vcpu.c`).")
    fig.text(20, 488, "gdb shows the mode as $priv: U 0, HS 1, M 3, VU 4, VS 5 (hs where prints its name).", faint=True)
    return fig
