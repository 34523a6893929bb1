# SPDX-License-Identifier: MIT
"""icount.py - QEMU's options for a machine whose clock counts instructions.

ICOUNT and CLOCK determine the figures and are recorded with them. The options of record_mode() make figures
repeat and change none.
"""
ICOUNT = ["-icount", "shift=0,sleep=off"]
CLOCK = ["-seed", "1", "-rtc", "base=2026-01-01,clock=vm"]


def record_mode(harts):
    """Return the options for QEMU's record mode, which QEMU has only for a machine with one hart.

    When all harts sleep, QEMU's main loop moves the clock to the next timer. QEMU marks a hart as asleep at its
    WFI, but adds the instructions before the WFI to the clock only a moment later, in the hart's thread. If the
    main loop runs in between, the clock ends up after the timer, by the number of these instructions. In record
    mode, the main loop waits until the thread has added them. The recording itself is not needed. QEMU merges the
    options of several -icount.

    Do not use these options for a machine with a disk: its requests would not complete before the thread's next
    timer or WFI.
    """
    return ["-icount", "rr=record,rrfile=/dev/null"] if harts == 1 else []
