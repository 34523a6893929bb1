# SPDX-License-Identifier: MIT
"""exits.py - plot the cost of exits on the three systems: exits with goals as bars, all exits as points.

Points are on a logarithmic axis, which has no zero at which bars could begin.
"""
from hs.bench.rows import ROWS
from . import data, marks, style

SERIES = {system: style.SYSTEMS[system] for system in ("hyperscope", "linux", "bare")}
UNIT = "instructions per operation"
FEW = 40          # instructions; rows that cost less do not exit the guest
PANEL = 8000      # instructions; longer bars get a panel of their own, with its own axis
LEAST = 1         # smaller values are not shown on the logarithmic axis


def _cells(figures, row):
    lines = {system: figures.row(system, row.name) for system in SERIES}
    return {system: data.cell(line) for system, line in lines.items() if line and int(line["n"])}


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
    drawn = marks.figure("bars", [marks.Panel(part, UNIT) for part in (
        small, [group for group in groups if group not in small]) if part], SERIES)
    style.finish(drawn, "Cost of an exit", _note(measured, cpu, usual))
    return drawn


def _from_least(cell):
    return tuple(max(end, LEAST) for end in cell)


def draw_all(folder=data.FOLDER, cpu="rv64"):
    """Plot every row that exits the guest and was measured on two or more systems."""
    measured, figures, usual, groups = _read(folder, cpu, ROWS)
    groups = [(label, {system: _from_least(cell) for system, cell in cells.items() if cell[0] >= LEAST})
              for label, cells in groups]
    drawn = marks.figure("points", [marks.Panel(groups, UNIT)], SERIES, log="y")
    without = [row.name for row in ROWS if 0 < _most(_cells(figures, row)) < FEW]
    style.finish(drawn, "Cost of each row of the benchmark", _note(
        measured, cpu, usual,
        " The axis has no zero.\nNot shown, because nothing exits: %s." % (", ".join(without) or "none")))
    return drawn
