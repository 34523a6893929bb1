# SPDX-License-Identifier: MIT
"""equivalence.py - the equivalence test: one random program on the bare machine and in a VM, and its two outcomes."""
from hs.drawing import Figure

OUTCOME = ["*outcome", "traps, registers, CSRs,", "memory, page tables"]


def figure():
    fig = Figure("The equivalence test", 820, 470,
                 ["src/guest/equivalence/" + name for name in ("gen.c", "sandbox.c", "outcome.c")] + ["src/kvm/exit/exit.c"])
    source = fig.box(290, 10, 240, 54, ["*random program, number N", "`generate()`, `gen.c`"], "plain")
    fig.text(60, 96, "bare machine")
    fig.text(655, 96, "virtual machine")

    bare = fig.box(60, 112, 240, 54, ["*the program", "in S mode"], "guest")
    fig.arrow(source.left(), (180, 37), (180, 112))
    bare_firmware = fig.box(60, 252, 240, 36, ["firmware, in M mode"], "plain")
    bare_hart = fig.box(60, 312, 240, 36, ["hart without the H extension"], "hart")
    fig.arrow(bare.bottom(), bare_firmware.top(), label="SBI calls", at=(190, 216))
    fig.arrow(bare_firmware.bottom(), bare_hart.top())

    guest = fig.box(520, 112, 240, 54, ["*the same program", "in VS mode"], "guest")
    fig.arrow(source.right(), (640, 37), (640, 112))
    core = fig.box(520, 190, 240, 36, ["hyperscope, in HS mode"], "core")
    firmware = fig.box(520, 252, 240, 36, ["firmware, in M mode"], "plain")
    hart = fig.box(520, 312, 240, 36, ["hart with the H extension"], "hart")
    fig.arrow(guest.bottom(), core.top())
    fig.arrow(core.bottom(), firmware.top())
    fig.arrow(firmware.bottom(), hart.top())

    left = fig.box(60, 384, 240, 72, OUTCOME, "band")
    right = fig.box(520, 384, 240, 72, OUTCOME, "band")
    fig.arrow((60, 139), (30, 139), (30, 420), (60, 420))
    fig.arrow((760, 139), (790, 139), (790, 420), (760, 420))
    equal = fig.box(345, 393, 130, 54, ["*equal?", "`outcome.c`"], "user")
    fig.arrow(left.right(), equal.left())
    fig.arrow(right.left(), equal.right())
    return fig
