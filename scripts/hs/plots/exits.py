# SPDX-License-Identifier: MIT
"""exits.py - plot the cost of exits on the three systems: exits with goals as bars, all exits as points.

Points are on a logarithmic axis, which has no zero at which bars could begin.
"""
from hs.bench.rows import ROWS
from . import data, style

ORDER = ("hyperscope", "linux", "bare")
UNIT = "instructions per operation"
FEW = 40          # instructions; rows that cost less do not exit the guest
PANEL = 8000      # instructions; longer bars get a panel of their own, with its own axis
LEAST = 1         # smaller values are not shown on the logarithmic axis


def _cell(figures, system, row):
    """Return (value, minimum, 99th percentile), or None if nothing was measured. For a row with a mean, all three are
    the mean."""
    line = figures.row(system, row.name)
    if line is None or not int(line["n"]):
        return None
    value = figures.value(system, row.name)
    return (value, value, value) if row.mean else (value, float(line["min"]), float(line["p99"]))


def _cells(figures, row):
    found = {system: _cell(figures, system, row) for system in ORDER}
    return {system: cell for system, cell in found.items() if cell}


def _most(cells):
    return max((cell[0] for cell in cells.values()), default=0)


def _groups(figures, rows, usual):
    """Yield (label, cells) for each row that was measured on two or more systems and costs at least FEW instructions
    on one of them. The label includes n if it is not the usual one."""
    for row in rows:
        cells = _cells(figures, row)
        if len(cells) > 1 and _most(cells) >= FEW:
            counts = {figures.row(system, row.name)["n"] for system in cells} - {str(usual)}
            yield row.name + (" (n=%s)" % "/".join(sorted(counts)) if counts else ""), cells


def _read(folder, cpu, rows):
    """Return (Measured, its figures for this processor, the usual n, groups of these rows)."""
    measured = data.bench(folder=folder)
    if cpu not in measured.cpus:
        raise data.Absent("exit-latency.csv has no figures for -cpu %s" % cpu)
    figures = measured.cpus[cpu]
    usual = data.count_of(list(figures.rows.values()))
    groups = list(_groups(figures, rows, usual))
    if not groups:
        raise data.Absent("exit-latency.csv does not have any of the figure's rows from two systems")
    return measured, figures, usual, groups


def _note(measured, cpu, usual, rest=""):
    return ("Exact counts of instructions of all privilege modes (QEMU -icount, -cpu %s); the same images give the "
            "same figures.\n"
            "n = %d operations in batches of up to 256, unless stated otherwise. Shown is the median batch; whiskers: "
            "minimum to 99th percentile of the batches.%s\n%s"
            % (cpu, usual, rest, data.made_with(measured.results)))


def draw(folder=data.FOLDER, cpu="rv64"):
    """Plot the exits that have a goal for their cost (scripts/hs/bench/rows.py)."""
    measured, _, usual, groups = _read(folder, cpu, [row for row in ROWS if row.goal and not row.none])
    small = [group for group in groups if _most(group[1]) < PANEL]
    panels = [part for part in (small, [group for group in groups if group not in small]) if part]
    heights = [sum(len(cells) + 0.6 for _, cells in part) for part in panels]
    drawn, axes = style.figure(7.2, 1.6 + 0.125 * sum(heights) + 0.4 * len(panels), len(panels),
                               gridspec_kw={"height_ratios": [height + 3 for height in heights]})
    for each, part in zip(axes, panels):
        style.bars(each, part, {system: style.SYSTEMS[system] for system in ORDER}, UNIT)
    style.finish(drawn, "Cost of an exit", _note(measured, cpu, usual))
    return drawn


def _points(axes, groups):
    """Draw each row's points on one line, connected from the least to the greatest."""
    for place, (_, cells) in enumerate(groups):
        axes.axhline(place, color="#eeeeee", linewidth=0.6, zorder=0)
        ends = [cell[0] for cell in cells.values() if cell[0] >= LEAST]
        axes.plot([min(ends), max(ends)], [place] * 2, color="#bbbbbb", linewidth=1, zorder=1)
    for system in ORDER:
        points = [(place,) + cells[system] for place, (_, cells) in enumerate(groups)
                  if system in cells and cells[system][0] >= LEAST]
        if points:
            y, x, low, high = zip(*points)
            whiskers = ([value - max(end, LEAST) for value, end in zip(x, low)],
                        [end - value for value, end in zip(x, high)])
            name, color, _, marker = style.SYSTEMS[system]
            axes.errorbar(x, y, xerr=whiskers, fmt=marker, color=color, markersize=4, elinewidth=0.8, label=name)


def draw_all(folder=data.FOLDER, cpu="rv64"):
    """Plot every row that exits the guest and was measured on two or more systems."""
    measured, figures, usual, groups = _read(folder, cpu, ROWS)
    drawn, (axes,) = style.figure(7.2, 1.4 + 0.17 * len(groups))
    _points(axes, groups)
    axes.set_xscale("log")
    axes.set_yticks(range(len(groups)), [label for label, _ in groups])
    axes.set_ylim(len(groups) - 0.4, -0.6)
    axes.grid(axis="x", color="#dddddd", linewidth=0.6)
    style.thousands(axes.xaxis)
    axes.set_xlabel(UNIT + " (logarithmic axis)")
    without = [row.name for row in ROWS if 0 < _most(_cells(figures, row)) < FEW]
    style.finish(drawn, "Cost of each row of the benchmark", _note(
        measured, cpu, usual,
        " The axis has no zero.\nNot shown, because nothing exits: %s." % (", ".join(without) or "none")))
    return drawn
