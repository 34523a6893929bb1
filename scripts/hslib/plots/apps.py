# SPDX-License-Identifier: MIT
"""apps.py - what a whole guest costs in times native, as papers show their applications."""
from benchlib import report
from benchlib.rows import BY_NAME

from ..errors import LaunchError
from . import data, style

SYSTEMS = ("hyperscope", "linux")


def read(folder=data.FOLDER):
    path = data.path_of("applications.csv", folder)
    try:
        return report.read_csv(path)
    except ValueError as error:
        raise LaunchError("%s: %s" % (path, error)) from None


def value(line):
    return float(line["mean" if BY_NAME[line["exit"]].mean else "p50"])


def normalised(lines, cpu="rv64"):
    """[(row, its setting, native's line, {system: times native})]."""
    lines = [line for line in lines if line["cpu"] == cpu]
    native = {line["exit"]: line for line in lines if line["system"] == "native"}
    found = []
    order = list(dict.fromkeys(line["exit"] for line in lines))
    for name, setting in sorted({(line["exit"], line["toggles"]) for line in lines},
                                key=lambda each: (order.index(each[0]), each[1] != "default", each[1])):
        base = native.get(name)
        values = {line["system"]: value(line) / value(base) for line in lines
                  if (line["exit"], line["toggles"]) == (name, setting) and line["system"] in SYSTEMS and base and value(base)}
        if values:
            found.append((name, setting, base, values))
    return found


def draw(folder=data.FOLDER, cpu="rv64"):
    lines = read(folder)
    found = normalised(lines, cpu)
    if not found:
        raise data.Absent("applications.csv has no row of a VM with native beside it")
    without = sorted({line["exit"] for line in lines} - {name for name, _, _, _ in found})
    groups = [("%s%s\n%s %s native, n=%s" % (name, "" if setting == "default" else ", " + setting, style.shown(value(base)),
                                             base["unit"], base["n"]), values) for name, setting, base, values in found]
    drawn, (axes,) = style.figure(7.2, 1.7 + 0.36 * len(groups))
    style.bars(axes, groups, {system: style.SYSTEMS[system] for system in SYSTEMS},
               "times native (Debian's kernel alone in QEMU)", text=lambda number: "%.3f" % number)
    axes.axvline(1, color=style.BLACK, linewidth=0.8, linestyle="--", label="native")
    style.finish(drawn, "What does a whole guest cost?", (
        "Exact: instructions of all privilege modes on one hart (-icount), by the guest's own clock; n: how often a guest did it. "
        "A ratio of two counts has no interval.%s\n%s"
        % (" Not shown, for native has 0 or nothing: %s." % ", ".join(without) if without else "", data.made_with(lines))))
    return drawn
