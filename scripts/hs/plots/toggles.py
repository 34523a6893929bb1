# SPDX-License-Identifier: MIT
"""toggles.py - plot what each toggle changes: the cost of a row with it, relative to the cost without it.

The ratios are drawn as points, not bars, because their axis is logarithmic: half the cost and twice the cost
are equally far from 1. The label of each row has the two costs.
"""
import math

from hs.bench.rows import ALIKE, ROWS, beside
from . import data, marks, style

MOST = 5       # rows to show per setting, at most: the ones that change most
LEAST = 0.02   # smallest relative change that is shown
FLOOR = 0.5    # instructions: only larger changes are shown, because the resolution of a batch is 0.4 instructions
SERIES = ("fewer instructions", "more instructions")


def changes(figures, most=MOST, least=LEAST):
    """Return {setting: [(row, without, with)]}, with settings in the file's order and the most changed row first."""
    found = {}
    for system, name, setting in figures.rows:
        words = [word for word in setting.split() if word != "halt_poll_ns=0" or setting == word]
        if system == "hyperscope" and words and words != ["default"]:
            found.setdefault(" ".join(words), None)
    for setting in found:
        rows = []
        for row in ROWS:
            ours = figures.value("hyperscope", row.name, setting)
            usual = figures.value("hyperscope", row.name, beside(setting))
            if None in (ours, usual) or row.name in ALIKE or min(ours, usual) <= 0:
                continue
            if abs(ours - usual) > FLOOR and abs(ours / usual - 1) >= least:
                rows.append((row.name, usual, ours))
        found[setting] = sorted(rows, key=lambda each: -abs(math.log(each[2] / each[1])))[:most]
    return found


def draw(folder=data.FOLDER, cpu="rv64"):
    measured = data.bench(folder=folder)
    figures = measured.cpus.get(cpu)
    found = changes(figures) if figures else {}
    groups = []
    for setting, rows in found.items():
        groups += [(setting, {})] * bool(rows) + [(
            "%s: %s \u2192 %s" % (name, style.shown(usual), style.shown(ours)),
            {SERIES[ours > usual]: ours / usual}) for name, usual, ours in rows]
    if not groups:
        raise data.Absent("exit-latency.csv has no figures of toggles for -cpu %s" % cpu)
    drawn = marks.figure("points", [marks.Panel(groups, "cost with the toggle / cost without it")],
                         style.looks(SERIES), log="y", base="cost without the toggle")
    style.finish(drawn, "Effect of each toggle", (
        "Each row: instructions per operation, without \u2192 with the toggle. Shown are at most %d rows per setting, "
        "those that change most, if they change by %d %% or more (no row: %s); 'A=x B=y' is compared with A=x.\n"
        "Exact counts (QEMU -icount, -cpu %s); median batch of n = %d operations, unless the benchmark states "
        "otherwise.\n%s" % (MOST, 100 * LEAST, ", ".join(setting for setting, rows in found.items() if not rows) or "none",
                            cpu, data.count_of(list(figures.rows.values())), data.made_with(measured.results))))
    return drawn
