# SPDX-License-Identifier: MIT
"""back - return to an earlier state of the machine, or to the last instruction that changed a field.

QEMU's own reverse execution often hangs. Therefore, this module calls savevm at each point to which the user
may return. To go back, it calls loadvm and then steps forward. The steps are counted by instret, which is
exact with --icount.

QEMU 10.0's loadvm loses two things, which _settle() restores: the time (the machine is reset first, and
mtime with it), and the timers set by stimecmp and vstimecmp. The timers are set again by writing these
registers. The debugger has no names for these registers, so the hart executes four instructions in M mode that are
placed in memory temporarily. They are also executed after savevm, so the machine continues identically.

QEMU does not take interrupts while it single-steps. If an interrupt arrived on a path that is repeated in
this way, the registers at the end of the path differ, and an error is reported.
"""
import contextlib

import gdb

from . import cmd_run, cmd_switch, meaning
from .target import MASK, Problem, register

MTIME = 0x0200bff8            # physical address in QEMU's virt machine
FIRMWARE = 0x80000000         # OpenSBI's code, which M mode may execute whatever its PMP entries say
LENT = b"".join(word.to_bytes(4, "little") for word in (
    0x14d022f3, 0x14d29073,   # csrr t0, stimecmp; csrw stimecmp, t0
    0x24d022f3, 0x24d29073))  # csrr t0, vstimecmp; csrw vstimecmp, t0
MACHINE = 3
MOST_STEPS = 50000            # about a minute
PENDING = ("sip", "vsip", "hvip")  # not compared: time advances at every stop, so a timer may or may not have expired


_lent = 0  # how many times the hart has executed LENT on the path to its current state
_marks = 0


class Mark:
    """A state to which the user can return. at: the tour's next step in that state."""

    def __init__(self, at):
        global _marks
        _marks += 1
        self.at, self.name, self.time = at, "hs%d" % _marks, _read(MTIME, 8)
        self.lent, self.position, self.state = _lent + 1, None, None


def position():
    """Return how many instructions the hart has executed, without those of _settle()."""
    return register("instret") - _lent * len(LENT) // 4


def monitor(text):
    output = gdb.execute("monitor " + text, to_string=True).strip()
    if output:
        raise Problem("QEMU: %s: %s" % (text, output))


def _flush():
    gdb.execute("maintenance flush register-cache", to_string=True)


def _physical(on):
    gdb.execute("maintenance packet Qqemu.PhyMemMode:%d" % on, to_string=True)


def _write(pa, data):
    _physical(1)
    try:
        gdb.selected_inferior().write_memory(pa, data)
    finally:
        _physical(0)


def _read(pa, size):
    _physical(1)
    try:
        return bytes(gdb.selected_inferior().read_memory(pa, size))
    finally:
        _physical(0)


def _set(name, value):
    gdb.execute("set $%s = 0x%x" % (name, value & MASK), to_string=True)


def _settle(mark):
    global _lent
    _lent = mark.lent
    _write(MTIME, mark.time)
    kept = {name: register(name) for name in ("pc", "priv", "t0")}
    code = _read(FIRMWARE, len(LENT))
    _write(FIRMWARE, LENT)
    _set("priv", MACHINE)
    _set("pc", FIRMWARE)
    gdb.execute("stepi 4", to_string=True)
    arrived = register("pc")
    _write(FIRMWARE, code)
    _set("t0", kept["t0"])
    _set("priv", kept["priv"])
    _set("pc", kept["pc"])
    _flush()
    if arrived != FIRMWARE + len(LENT):  # an instruction trapped and changed M-mode CSRs: load the state again
        monitor("loadvm " + mark.name)
        _flush()
        _write(MTIME, mark.time)
        _lent -= 1
        raise Problem("this processor has no Sstc, so going back is not possible")


@contextlib.contextmanager
def quietly():
    """Do not report stops in this block to the user, and do not record them."""
    before, cmd_run.quiet = cmd_run.quiet, True
    gdb.execute("set suppress-cli-notifications on")
    try:
        yield
    finally:
        cmd_run.quiet = before
        gdb.execute("set suppress-cli-notifications off")


def take(at):
    """Save the current state and return its mark."""
    with quietly():
        _flush()
        mark = Mark(at)
        monitor("savevm " + mark.name)
        _settle(mark)
        mark.position, mark.state = position(), cmd_switch.take()
    return mark


def _differ(one, other):
    return [name for name, value in one.items() if other.get(name) != value and name not in PENDING]


def return_to(mark):
    """Return to a mark. Problem if a register differs from its value at the mark."""
    with quietly():
        monitor("loadvm " + mark.name)
        _flush()
        _settle(mark)
        state = cmd_switch.take()
    cmd_switch.stops[:] = []
    differ = _differ(mark.state, state)
    if differ or position() != mark.position:
        raise Problem("the restored machine differs from the saved one: %s" % (", ".join(differ) or "instret"))


def step():
    gdb.execute("stepi", to_string=True)


def _step_on(mark, count, field, progress):
    """Execute `count` instructions from MARK. Return (steps before the last change, old value, new value), or None if
    the field does not change."""
    return_to(mark)
    look = meaning.reader(field)
    found, before = None, look()
    with quietly():
        for done in range(count):
            step()
            now = look()
            if now != before:
                found, before = (done, before, now), now
            if done % 500 == 499:
                progress(done + 1, count)
    return found


def last_change(mark, field, progress):
    """Go back to the last instruction since `mark` that changed the field. Stop the machine before that instruction
    and return (old value, new value). If no instruction changed the field, leave the machine at the mark and
    return None. Problem if there are too many instructions or they cannot be repeated; in these cases, the machine
    is left where it was."""
    count = position() - mark.position
    if count > MOST_STEPS:
        raise Problem("the last stop is %d instructions back, and rb can search at most %d; b goes back to that stop"
                      % (count, MOST_STEPS))
    here, end = take(mark.at), cmd_switch.take()
    found = _step_on(mark, count, field, progress)
    if _differ(end, cmd_switch.take()):
        return_to(here)
        raise Problem("these %d instructions cannot be repeated, because an interrupt arrived among them; "
                      "b goes back to the stop before them" % count)
    return_to(mark)
    if found is None:
        return None
    with quietly():
        for _ in range(found[0]):
            step()
    return found[1:]
