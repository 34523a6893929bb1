# SPDX-License-Identifier: MIT
"""apps.py - plot the cost of a whole guest relative to native, as papers do for their applications."""
from hs.bench.report import COUNTED, typical as value
from . import data, marks, style

SYSTEMS = ("hyperscope", "linux")


def read(folder=data.FOLDER):
    return [line for line in data.bench("applications.csv", folder).results if line["unit"] == COUNTED]


def normalized(lines, cpu="rv64"):
    """Return (row, setting, native's line, {system: ratio to native}) tuples."""
    lines = [line for line in lines if line["cpu"] == cpu]
    native = {line["exit"]: line for line in lines if line["system"] == "native" and value(line)}
    order = list(dict.fromkeys(line["exit"] for line in lines))
    cells = sorted({(line["exit"], line["toggles"]) for line in lines},
                   key=lambda each: (order.index(each[0]), each[1] != "default", each[1]))
    found = []
    for name, setting in cells:
        base = native.get(name)
        values = {line["system"]: value(line) / value(base) for line in lines if base
                  and (line["exit"], line["toggles"]) == (name, setting) and line["system"] in SYSTEMS}
        if values:
            found.append((name, setting, base, values))
    return found


def beside_linux(lines, cpu="rv64"):
    """Return (row, Linux KVM's line) for rows without a native line. These rows use a disk, and without a VM there is
    no disk of the same kind."""
    native = {line["exit"] for line in lines if line["system"] == "native"}
    return [(line["exit"], line) for line in lines if line["system"] == "linux" and line["exit"] not in native
            and (line["cpu"], line["toggles"]) == (cpu, "default") and value(line)]


def _bars(lines, cpu, name, setting, base):
    """Return {system: (value, minimum, 99th percentile)}, relative to the value of the base line."""
    return {line["system"]: tuple(number / value(base) for number in data.cell(line)) for line in lines
            if line["system"] in SYSTEMS and (line["exit"], line["toggles"], line["cpu"]) == (name, setting, cpu)}


def _label(name, setting, base, whose):
    return "%s%s\n%s %s %s, n=%s" % (name, "" if setting == "default" else ", " + setting,
                                     style.shown(value(base)), base["unit"], whose, base["n"])


def draw(folder=data.FOLDER, cpu="rv64"):
    lines = read(folder)
    native = [(name, setting, base) for name, setting, base, _ in normalized(lines, cpu)]
    linux = [(name, "default", base) for name, base in beside_linux(lines, cpu)]
    if not native:
        raise data.Absent("applications.csv has no row that was measured in a VM and natively")
    parts = [part for part in (
        (native, "times native (Debian's kernel alone in QEMU)", "native"),
        (linux, "times Linux KVM (rows without a native figure)", "on Linux KVM")) if part[0]]
    panels = [marks.Panel([(_label(name, setting, base, whose), _bars(lines, cpu, name, setting, base))
                           for name, setting, base in rows], unit) for rows, unit, whose in parts]
    drawn = marks.figure("bars", panels, {system: style.SYSTEMS[system] for system in SYSTEMS}, base="the base",
                         text=lambda number: "%.3f" % number)
    style.finish(drawn, "Cost of a whole guest", (
        "Exact counts of instructions of all privilege modes on one hart (-icount), by the guest's own clock. n: the "
        "number of operations, in boots that differ in memory layout and in the timing of ticks. Shown is the median "
        "batch relative to the base's; whiskers: minimum to 99th percentile of the batches (docs/bench.md).\n%s"
        % data.made_with(lines)))
    return drawn
