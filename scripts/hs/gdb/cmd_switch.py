# SPDX-License-Identifier: MIT
"""cmd_switch - hs where, hs diff-switch."""
import gdb

from . import cmd_run, place, snapshot
from .command import command, nothing
from .target import Problem, hart, is_virtual, need_machine, register, world

stops = []  # the last two: (hart, snapshot)


def take():
    """The selected hart's registers now, as a snapshot."""
    return snapshot.take(world(), is_virtual(), register)


def _on_stop(_event):
    if cmd_run.quiet or gdb.selected_thread() is None or register("priv") is None:
        return
    stops.append((hart(), take()))
    del stops[:-2]


gdb.events.stop.connect(_on_stop)


@command("where")
def where(argument):
    """Say where this hart is: in which world (M, HS, U, VS, VU), in which function, and in the world
    switch at which step of its source.

    usage: hs where"""
    nothing(argument, "where")
    need_machine()
    for line in place.describe():
        print(line)


@command("diff-switch")
def diff_switch(argument):
    """Show which registers differ between the last stop and the one before, CSRs with their fields.

    usage: hs diff-switch

    While a guest runs (V=1) the host's own s-registers cannot be seen, and are named as such."""
    nothing(argument, "diff-switch")
    need_machine()
    if len(stops) < 2:
        raise Problem("there have not been two stops yet: go on to another first")
    (before_hart, before), (after_hart, after) = stops
    if before_hart != after_hart:
        raise Problem("the last two stops were in harts %d and %d: nothing to compare"
                      % (before_hart, after_hart))
    changes = snapshot.diff(before, after)
    print("\n".join(snapshot.show(changes)) if changes else "  nothing has changed")
