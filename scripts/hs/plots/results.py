# SPDX-License-Identifier: MIT
"""results.py - read results for plots: the CSV of a sweep, or of the benchmark, in one form.

Each line is a dictionary. The columns of Results.columns distinguish measurements; `name`, `unit` and `status` are
those of a sweep.
"""
import statistics
from typing import Callable, NamedTuple

from hs.bench import csvfile, provenance, stats
from hs.errors import LaunchError
from . import data

RATIO = "x"
NEEDED = ("repetition", "status", "name", "value", "unit") + provenance.COLUMNS
BENCH = ("system", "toggles", "cpu")
STATISTICS: dict[str, Callable] = {"median": statistics.median, "mean": statistics.fmean, "min": min, "max": max}
MOST = 1e100     # a larger value is a mistake, and the square of an even larger one is not a number


class Cell(NamedTuple):
    """A value to draw. low and high are the ends of its spread, n is the number of measurements, and values has that of
    each repetition."""
    value: float
    low: float
    high: float
    n: int
    unit: str
    values: dict = {}


class Results(NamedTuple):
    path: str
    columns: tuple   # those that distinguish measurements
    lines: list
    cell: Callable   # cell(lines of one point, statistic) -> Cell
    exact: str       # what the foot says of exact counts,
    spread: str      # and of whiskers
    varying: tuple   # the columns in which lines differ

    def described(self, line):
        """Return the name of a measurement: its parameters, except those that all lines share."""
        return " ".join("%s=%s" % (name, line[name][:40]) for name in self.varying if line[name]) or "all parameters"


def _varying(columns, lines):
    return tuple(name for name in columns if len({line[name] for line in lines}) > 1)


def sweep(path):
    """Read results.csv of a sweep."""
    try:
        lines = csvfile.read(path, NEEDED, more=True)
        _check_printable(lines)
    except OSError as error:
        raise LaunchError("%s: %s" % (path, error.strerror)) from None
    except ValueError as error:
        raise LaunchError("%s: not results.csv of a sweep: %s" % (path, error)) from None
    if not lines:
        raise LaunchError("%s: the file has no results" % path)
    names = list(lines[0])
    return Results(path, tuple(names[:names.index("repetition")]), lines, _repeated,
                   "exact counts (-icount) of all harts together, which show work, but not speed",
                   "whiskers: least to greatest repetition", _varying(names[:names.index("repetition")] + ["repetition"], lines))


def _check_printable(lines):
    for number, line in enumerate(lines, 1):
        wrong = [name for name, value in line.items() if name != "reason" and not value.isprintable()]
        if wrong:
            raise ValueError("result %d: '%s' contains a character that cannot be printed" % (number, wrong[0]))


def bench(path):
    """Read the CSV of scripts/hyperscope bench or bench-apps."""
    lines = [dict(line, name=line["exit"], unit=line["unit"] + " per operation", status="ok", repetition="1")
             for line in data.measured(path)]
    if not lines:
        raise LaunchError("%s: the file has no row of this tree's benchmark" % path)
    return Results(path, BENCH, lines, _batches,
                   "exact counts of instructions of all privilege modes (-icount), by batches of operations",
                   "whiskers: minimum to 99th percentile of the batches (of rare events, the mean is shown, without whiskers)",
                   _varying(BENCH, lines))


def _repeated(lines, statistic):
    found = {}
    for line in lines:
        value = csvfile.number(line["value"], "result %s: value" % line["name"])
        if abs(value) > MOST:
            raise ValueError("result %s: value %g is too large" % (line["name"], value))
        found[line["repetition"]] = value
    values = found.values()
    return Cell(STATISTICS[statistic](values), min(values), max(values), len(values), lines[0]["unit"], found)


def ratio(cell, base, statistic):
    """Return a cell divided by another one: the ratios of equal repetitions if both have the same ones, as they may
    have been measured in turn (docs/validity.md); else the ratio of the values, with the spreads of both."""
    if cell.values and cell.values.keys() == base.values.keys():
        found = {turn: value / base.values[turn] for turn, value in cell.values.items()}
        value, ends = STATISTICS[statistic](found.values()), list(found.values())
    else:
        found, value = {}, cell.value / base.value
        ends = [end / other for end in (cell.low, cell.high) for other in (base.low, base.high)]
    return cell._replace(value=value, low=min(ends), high=max(ends), values=found)


def _batches(lines, statistic):
    line, = lines
    value, low, high = data.cell(line, statistic)
    return Cell(value, min(value, low), max(value, high), int(line["n"]), line["unit"])


def is_wall(line):
    """Return whether a result depends on the machine's speed. A ratio is measured within one run."""
    if line["unit"] in ("", RATIO) or line.get("time") == "counted":
        return False
    return line.get("time") == "wall" or line["unit"] in stats.TIMES


def is_exact(line):
    """Return whether a result is a count that repeats exactly. On bare, a disk is QEMU's (docs/sweep.md, Guest of a
    job), so counts vary."""
    return (line.get("time") == "counted" and not (line.get("system") == "bare" and line.get("disk"))
            or line.get("workload", "").startswith("bench:") or "exit" in line)
