# SPDX-License-Identifier: MIT
"""walk - walk page tables, one stage or both, step by step (does not use gdb).

Supports Sv39, Sv48, Sv57 and their x4 forms (Priv. spec, S §4.1 and H §5.1). Svnapot ranges are shown
as individual entries.
"""
import collections

LEVELS = {8: 3, 9: 4, 10: 5}
NAMES = {0: "Bare", 8: "Sv39", 9: "Sv48", 10: "Sv57"}
SIZES = ["4 KiB", "2 MiB", "1 GiB", "512 GiB", "256 TiB"]
V, R, W, X, U, G, A, D = (1 << n for n in range(8))

# what: table, leaf, empty, reserved, unreadable, misaligned; to: the address in the entry; stage: G or VS; inner: the
# G-stage walk that translated the entry's own address, `at` (VS only).
Step = collections.namedtuple("Step", "stage level index at pte what to inner")
Walk = collections.namedtuple("Walk", "stage mode address steps result error")


def mode_of(atp):
    return atp >> 60


def root_of(atp):
    return (atp & (1 << 44) - 1) << 12


def flags(pte):
    return "".join(c if pte >> n & 1 else "-" for n, c in reversed(list(enumerate("VRWXUGAD"))))


def _kind(pte, level):
    if pte is None:
        return "unreadable"
    if not pte & V:
        return "empty"
    if pte & (R | W) == W:
        return "reserved"
    if not pte & (R | W | X):
        return "table" if level else "reserved"
    return "misaligned" if pte >> 10 & (1 << 9 * level) - 1 else "leaf"


def _limit_error(stage, mode, address, levels):
    bits = 12 + 9 * levels
    if stage == "G":
        if address >> bits + 2:
            return "0x%x has more than the %d bits of %sx4" % (address, bits + 2, NAMES[mode])
    elif address >> bits - 1 not in (0, (1 << 65 - bits) - 1):
        return "0x%x is not canonical: bits 63 to %d differ" % (address, bits - 1)
    return None


def walk(stage, atp, address, read, find=None):
    """Walk the page tables of hgatp or vsatp (ATP) for `address` and return a Walk. read(pa) returns the entry at a
    physical address, or None. find(gpa) returns the G-stage Walk of a guest physical address; a VS-stage walk needs
    it to find its tables. The Walk's result is the translated address; if it is None, `error` says why."""
    mode, steps = mode_of(atp), []
    if mode == 0:
        return Walk(stage, mode, address, steps, address, None)
    if mode not in LEVELS:
        return Walk(stage, mode, address, steps, None, "MODE %d is reserved" % mode)
    levels = LEVELS[mode]
    error = _limit_error(stage, mode, address, levels)
    if error:
        return Walk(stage, mode, address, steps, None, error)
    table = root_of(atp)
    for level in range(levels - 1, -1, -1):
        wide = stage == "G" and level == levels - 1
        index = address >> 12 + 9 * level & ((2048 if wide else 512) - 1)
        inner, at = None, table + 8 * index
        if find:
            inner = find(at)
            if inner.result is None:
                step = Step(stage, level, index, at, None, "unreadable", None, inner)
                return Walk(stage, mode, address, steps + [step], None,
                            "the G-stage has no page for the table at GPA 0x%x" % at)
        pte = read(inner.result if inner else at)
        what = _kind(pte, level)
        to = None if pte is None else (pte >> 10 & (1 << 44) - 1) << 12
        steps.append(Step(stage, level, index, at, pte, what, to, inner))
        if what == "leaf":
            return Walk(stage, mode, address, steps, to | address & (1 << 12 + 9 * level) - 1, None)
        if what != "table":
            return Walk(stage, mode, address, steps, None, {
                "empty": "V is 0 at level %d" % level,
                "unreadable": "the entry of level %d lies outside RAM, at 0x%x" % (level, at),
                "misaligned": "the leaf of level %d is misaligned" % level,
                "reserved": "the entry of level %d is reserved" % level}[what])
        table = to
    return None  # not reached: entries of level 0 are never tables


def show(done, indent=""):
    """Return the lines that show a walk: a heading, one line per step, and the result. Inner walks are indented."""
    name = NAMES.get(done.mode, "MODE %d" % done.mode)
    name += "x4" if done.stage == "G" and done.mode else ""
    lines = ["%s%s-stage of 0x%x, %s" % (indent, done.stage, done.address, name)]
    for step in done.steps:
        if step.inner:
            lines += show(step.inner, indent + "    ")
        entry = "unreadable" if step.pte is None else "0x%016x" % step.pte
        end = {"table": "table 0x%x" % (step.to or 0), "empty": "empty",
               "leaf": "%s leaf %s 0x%x" % (SIZES[step.level], flags(step.pte or 0), step.to or 0)}
        lines.append("%s  level %d [%3d] at 0x%x: %s  %s" % (
            indent, step.level, step.index, step.at, entry, end.get(step.what, step.what)))
    found = "= 0x%x" % done.result if done.error is None else "no page: " + done.error
    lines.append("%s  %s" % (indent, found))
    return lines
