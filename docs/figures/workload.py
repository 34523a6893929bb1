# SPDX-License-Identifier: MIT
"""workload.py - the contents of a workload's ELF file, the machine that runs it, and what judges its output."""
from hs.drawing import Figure


def figure():
    fig = Figure("A workload: one ELF file, the machine that it needs, and how its output is judged", 880, 372,
                 ["src/workload/workload.lds", "src/workload/shim.c", "src/workload/runner.c", "src/workload/smoke.c"])
    fig.band(10, 10, 280, 300)
    fig.text(150, 32, "*the file: PROFILE.elf", "middle")
    shim = fig.box(24, 48, 252, 64, ["*0x80000000: firmware", "M mode: SBI calls and traps", "(`shim.c`, or OpenSBI)"], "plain")
    fig.box(24, 124, 252, 46, ["*0x80200000: hyperscope", "HS mode"], "core")
    fig.box(24, 182, 252, 112, ["*0x80800000: initramfs", "U mode: the VMM, and a program",
                                "that starts it (`runner.c`);", "VS and VU mode: guests",
                                "that check claims (`smoke.c`, ...)"], "user")

    fig.band(330, 10, 230, 300)
    fig.text(445, 32, "*the machine under test", "middle")
    hart = fig.box(344, 48, 202, 112, ["*a hart with H", "a core, a simulator,",
                                       "a model of a core;", "starts at 0x80000000", "in M mode"], "hart")
    fig.box(344, 182, 202, 46, ["*RAM", "from 16 MiB"], "plain")
    console = fig.box(344, 240, 202, 54, ["*a console", "UART, or HTIF (`tohost`)"], "plain")
    fig.arrow(shim.right(), (hart.x, shim.right()[1]))

    log = fig.box(600, 240, 266, 54, ["*the log", "text, printed without input"], "plain")
    fig.arrow(console.right(), log.left())
    verdict = fig.box(600, 130, 266, 64, ["*PASS, or FAIL with the claim,",
                                          "which in smoke names the section", "of the specification"], "guest")
    events = fig.box(600, 24, 266, 64, ["*the first wrong event",
                                        "hstrace divergence, with the events", "of a reference, such as QEMU"], "guest")
    fig.arrow(log.top(0.25), verdict.bottom(0.25), label="always", at=(676, 222))
    fig.arrow(log.right(), (874, log.right()[1]), (874, events.right()[1]), events.right())
    fig.text(864, 114, "with --trace", "end")
    fig.text(10, 338, "`smoke` takes 2 million instructions, and reads neither a clock nor input: every run has the same events.")
    fig.text(10, 358, "Without the file: a boot loader can start hyperscope.bin with PROFILE.cpio, as it starts Linux.", faint=True)
    return fig
