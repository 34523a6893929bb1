# SPDX-License-Identifier: MIT
"""cmd_switch - the commands hs where and hs diff-switch."""
import gdb

from . import cmd_run, levels, place, snapshot
from .command import command, nothing
from .target import Problem, hart, is_virtual, need_machine, register, world

stops = []  # the last two stops: (hart, snapshot)


def take():
    """Return a snapshot of the selected hart's registers."""
    return snapshot.take(world(), is_virtual(), register)


def _on_stop(_event):
    if cmd_run.quiet or gdb.selected_thread() is None or register("priv") is None:
        return
    stops.append((hart(), take()))
    del stops[:-2]


gdb.events.stop.connect(_on_stop)


@command("where")
def where(argument):
    """Show where this hart is: its privilege mode (M, HS, U, VS, VU), the function and, in the world
    switch, the step that the source names.

    usage: hs where

    If this hart runs a vCPU that has the H extension, also show each level, with > at the one that runs: L2 (a guest
    of the guest), L1 (the guest) and L0 (this hypervisor)."""
    nothing(argument, "where")
    need_machine()
    for line in place.describe() + levels.describe():
        print(line)


@command("diff-switch")
def diff_switch(argument):
    """Show which registers differ between the last two stops; for CSRs, also which fields.

    usage: hs diff-switch

    While a guest runs (V=1), the host's s-registers are not accessible; they are listed separately."""
    nothing(argument, "diff-switch")
    need_machine()
    if len(stops) < 2:
        raise Problem("there have not been two stops yet: continue to another one first")
    (before_hart, before), (after_hart, after) = stops
    if before_hart != after_hart:
        raise Problem("the last two stops were in different harts, %d and %d, and cannot be compared"
                      % (before_hart, after_hart))
    changes = snapshot.diff(before, after)
    print("\n".join(snapshot.show(changes)) if changes else "  nothing has changed")
