# SPDX-License-Identifier: MIT
"""show.py - show a profile as a table, or write it as CSV."""
import csv

from hs import output


class Row:
    """A function in a world: its own instructions, and the total, which includes those of the functions that it called."""
    __slots__ = ("world", "function", "own", "total")

    def __init__(self, world, function):
        self.world, self.function = world, function
        self.own = self.total = 0


def rows(stacks):
    """Return the rows, sorted by own instructions, most first."""
    found = {}

    def row(world, function):
        if (world, function) not in found:
            found[(world, function)] = Row(world, function)
        return found[(world, function)]

    for stack, count in stacks.items():
        row(stack[0], stack[-1]).own += count
        for function in set(stack[1:]):  # once, however often it is in the stack
            row(stack[0], function).total += count
    return sorted(found.values(), key=lambda r: (-r.own, -r.total, r.world, r.function))


def worlds(stacks):
    found = {}
    for stack, count in stacks.items():
        found[stack[0]] = found.get(stack[0], 0) + count
    return sorted(found.items(), key=lambda item: (-item[1], item[0]))


def table(recording, what, top):
    total = recording.total or 1
    lines = ["%s: %s instructions of %s since reset" % (
        what, format(recording.total, ",d"), format(recording.counted, ",d"))]
    if not recording.reads:
        lines.append("instret was never read, so the count is not verified")
    elif recording.differed:
        lines.append("instret was read %s times and DIFFERED from our count %s times" % (
            format(recording.reads, ",d"), format(recording.differed, ",d")))
    else:
        lines.append("instret was read %s times, the last at %s, and was our count each time" % (
            format(recording.reads, ",d"), format(recording.last, ",d")))
    if recording.full:
        lines.append("too many different stacks: instructions of deep ones are counted for their callers")
    lines += ["", "%-16s %14s %8s" % ("world", "instructions", "share")]
    lines += ["%-16s %14d %7.2f%%" % (world, count, 100 * count / total)
              for world, count in worlds(recording.stacks)]
    lines += ["", "%12s %8s %12s  %-12s %s" % ("instructions", "share", "with callees", "world",
                                               "function")]
    found = rows(recording.stacks)
    shown = found[:top] if top else found
    for row in shown:
        lines.append("%12d %7.2f%% %12d  %-12s %s" % (row.own, 100 * row.own / total, row.total,
                                                      row.world, row.function))
    rest = found[len(shown):]
    if rest:
        own = sum(row.own for row in rest)
        lines.append("%12d %7.2f%% %12s  %-12s %d more functions" % (own, 100 * own / total, "", "",
                                                                     len(rest)))
    return "\n".join(lines)


def write_csv(stacks, name):
    with output.of_option("--csv", name) as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(("world", "function", "instructions", "with_callees"))
        for row in rows(stacks):
            out.writerow((row.world, row.function, row.own, row.total))
