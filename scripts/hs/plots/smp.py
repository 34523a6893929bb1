# SPDX-License-Identifier: MIT
"""smp.py - plot a sweep's results against the number of vCPUs, with one panel per result.

Counts are exact. Wall-clock times of a sweep are not plotted: each job is a separate run, so the times of
different jobs cannot be compared, but readers would compare them. Ratios (unit x), which each job measures within
its own run, are plotted, with an interval over the repetitions.
"""
from hs.bench import csvfile, provenance, stats
from hs.errors import LaunchError
from . import data, style

NAME = "smp-scale.csv"
RATIO = "x"
NEEDED = ("vcpus", "repetition", "status", "name", "value", "unit") + provenance.COLUMNS


def _checked(line):
    """Return a result's line. Raise ValueError if its value, or its vcpus if set, is not a number, or if its system
    is unknown."""
    where = "result %s: " % line["name"]
    csvfile.number(line["value"], where + "value")
    if line["vcpus"] and not line["vcpus"].isdecimal():
        raise ValueError(where + "vcpus '%s' is not a number" % line["vcpus"][:40])
    if _system(line) not in style.SYSTEMS:
        raise ValueError(where + "there is no system '%s'" % _system(line))
    return line


def _system(line):
    return line.get("system") or "hyperscope"


def read(folder=data.FOLDER):
    """Return the lines of the CSV file that have a result and belong to a successful job."""
    path = data.path_of(NAME, folder)
    try:
        lines = csvfile.read(path, NEEDED, more=True)
        return [_checked(line) for line in lines if line["status"] == "ok" and line["name"]]
    except ValueError as error:
        raise LaunchError("%s: not results.csv of a sweep over vcpus: %s" % (path, error)) from None


def is_drawn(line):
    """Return whether a result is plotted. A result without a unit, such as a guest's number of CPUs, is not a measurement."""
    return bool(line["unit"]) and (line.get("time", "counted") != "wall" or line["unit"] == RATIO)


def panels(lines):
    """Return {(workload, name, unit): {system: {vcpus: [values]}}} for the plotted results that have values for more
    than one number of vCPUs."""
    found = {}
    for line in lines:
        if is_drawn(line) and line["vcpus"]:
            systems = found.setdefault((line.get("workload", ""), line["name"], line["unit"]), {})
            points = systems.setdefault(_system(line), {})
            points.setdefault(int(line["vcpus"]), []).append(float(line["value"]))
    return {key: systems for key, systems in found.items()
            if any(len(points) > 1 for points in systems.values())}


def point(values):
    """Return (median, low, high): low and high are the ends of the median's interval, or, if all values are equal,
    the median."""
    if len(set(values)) == 1:
        return (values[0],) * 3
    samples = stats.Samples(values, RATIO, stats.new_run())
    return (samples.median(),) + tuple(samples.interval()[:2])


def draw(folder=data.FOLDER, _cpu="rv64"):
    lines = read(folder)
    found = panels(lines)
    if not found:
        raise data.Absent("%s has no comparable result for more than one number of vCPUs" % NAME)
    columns = 1 if len(found) == 1 else 2
    rows = -(-len(found) // columns)
    drawn, axes = style.figure(7.2, 1.2 + 2.2 * rows, rows, columns)
    for spare in axes[len(found):]:
        spare.remove()
    for each, ((_, name, unit), systems) in zip(axes, found.items()):
        _panel(each, systems)
        each.set_title(name)
        each.set_ylabel(unit)
    axes[0].legend(loc="lower right")
    counts = sorted({len(values) for systems in found.values() for points in systems.values()
                     for values in points.values()})
    left_out = sorted({line["name"] for line in lines if line["unit"] and not is_drawn(line)})
    style.finish(drawn, "Cost of more vCPUs", (
        "n = %s per point. Points without a whisker are exact counts (-icount) of all harts together, the same in "
        "each repetition: they show added work, but not speed.%s\n%s" % (
            " or ".join(map(str, counts)),
            "\nNot drawn, because wall-clock times of different runs cannot be compared: %s." % ", ".join(left_out)
            if left_out else "", data.made_with(lines))))
    return drawn


def _panel(axes, systems):
    for system, points in systems.items():
        name, color, _, marker = style.SYSTEMS[system]
        counts = sorted(points)
        values, low, high = zip(*(point(points[count]) for count in counts))
        whiskers = ([value - end for value, end in zip(values, low)],
                    [end - value for value, end in zip(values, high)])
        axes.errorbar(counts, values, yerr=whiskers, marker=marker, markersize=4, color=color,
                      linewidth=1.2, elinewidth=0.8, capsize=2, label=name)
    axes.set_ylim(0, 1.08 * axes.get_ylim()[1])
    axes.set_xticks(sorted({count for points in systems.values() for count in points}))
    axes.set_xlabel("vCPUs")
    axes.grid(color="#dddddd", linewidth=0.6)
    style.thousands(axes.yaxis)
