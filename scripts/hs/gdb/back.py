# SPDX-License-Identifier: MIT
"""back - to an earlier moment of the machine, and to the instruction that changed a field last.

QEMU's own reverse execution hangs often, so this is made of what is dependable: savevm where one may want
to come back to, loadvm, and single steps forward, counted by instret, which under --icount is exact.

QEMU 10.0's loadvm forgets two things, which settle() puts right: the time (the machine is reset first,
and mtime with it), and the alarms that stimecmp and vstimecmp have set. Alarms are set anew by writing the
registers, and as the debugger has no name for them, by four instructions that the hart executes in M mode,
lent to it. After savevm it executes them as well: so the way on is the same, to the instruction.

Under single steps QEMU takes no interrupt. If one came on the way that is gone again, the registers at
its end tell, and nobody is told anything wrong.
"""
import contextlib

import gdb

from . import cmd_run, cmd_switch, meaning
from .target import MASK, Problem, register

MTIME = 0x0200bff8            # of QEMU's virt machine
FIRMWARE = 0x80000000         # OpenSBI's code: M may execute it, whatever its PMP says of other memory
LENT = b"".join(word.to_bytes(4, "little") for word in (
    0x14d022f3, 0x14d29073,   # csrr t0, stimecmp; csrw stimecmp, t0
    0x24d022f3, 0x24d29073))  # csrr t0, vstimecmp; csrw vstimecmp, t0
MACHINE = 3
MOST_STEPS = 50000            # about a minute
PENDING = ("sip", "vsip", "hvip")  # time goes on a little at every stop: an alarm may be due, or not yet


_lent = 0  # how often the hart has executed what was lent to it, on the way that led here
_marks = 0


class Mark:
    """A moment to come back to: at is the tour's step that comes next."""

    def __init__(self, at):
        global _marks
        _marks += 1
        self.at, self.name, self.time = at, "hs%d" % _marks, _read(MTIME, 8)
        self.lent, self.position, self.state = _lent + 1, None, None


def position():
    """How many instructions of its own the hart has executed."""
    return register("instret") - _lent * len(LENT) // 4


def monitor(text):
    said = gdb.execute("monitor " + text, to_string=True).strip()
    if said:
        raise Problem("QEMU: %s: %s" % (text, said))


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
    if arrived != FIRMWARE + len(LENT):  # what was lent trapped, and M's registers tell of that
        monitor("loadvm " + mark.name)
        _flush()
        _write(MTIME, mark.time)
        _lent -= 1
        raise Problem("this processor has no Sstc: going back is not possible here")


@contextlib.contextmanager
def quietly():
    """Stops in here are nobody's stops."""
    before, cmd_run.quiet = cmd_run.quiet, True
    gdb.execute("set suppress-cli-notifications on")
    try:
        yield
    finally:
        cmd_run.quiet = before
        gdb.execute("set suppress-cli-notifications off")


def take(at):
    """A mark of this moment."""
    with quietly():
        _flush()
        mark = Mark(at)
        monitor("savevm " + mark.name)
        _settle(mark)
        mark.position, mark.state = position(), cmd_switch.take()
    return mark


def _differ(one, other):
    return [name for name, value in one.items() if other.get(name) != value and name not in PENDING]


def go(mark):
    """There again, with every register as it was; Problem if not."""
    with quietly():
        monitor("loadvm " + mark.name)
        _flush()
        _settle(mark)
        state = cmd_switch.take()
    cmd_switch.stops[:] = []
    differ = _differ(mark.state, state)
    if differ or position() != mark.position:
        raise Problem("the machine did not come back as it was: %s" % (", ".join(differ) or "instret"))


def step():
    gdb.execute("stepi", to_string=True)


def _step_on(mark, count, field, progress):
    """From mark, `count` instructions; (steps before the last change, value then, value now) or None."""
    go(mark)
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
    """Back to the instruction that changed the field last since `mark`: (value then, value now), and the
    machine stands in front of it; None if none did, and it stands at the mark. Problem: that way cannot be
    gone again, and the machine stands where it stood."""
    count = position() - mark.position
    if count > MOST_STEPS:
        raise Problem("it is %d instructions back to the last stop, and each would have to be stepped through: "
                      "%d is the limit. b goes back to that stop" % (count, MOST_STEPS))
    here, end = take(mark.at), cmd_switch.take()
    found = _step_on(mark, count, field, progress)
    if _differ(end, cmd_switch.take()):
        go(here)
        raise Problem("these %d instructions cannot be gone again one by one, for an interrupt came in between. "
                      "b goes back to the stop before it" % count)
    go(mark)
    if found is None:
        return None
    with quietly():
        for _ in range(found[0]):
            step()
    return found[1:]
