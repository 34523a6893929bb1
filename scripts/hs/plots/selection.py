# SPDX-License-Identifier: MIT
"""selection.py - select results for a plot, and refuse those that would give a wrong number.

A point of the figure is one value of x in one series. Its lines may differ only in the repetition.
"""
import fnmatch
import re
from typing import NamedTuple

from hs.bench import provenance
from hs.errors import STATUS_USAGE, LaunchError
from . import results, style

NAME = "name"
SHOWN = 5          # names listed in a message, at most
NUMBER = re.compile(r"([0-9]+(?:\.[0-9]+)?)([kKmMgGtT]?)")
FACTORS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


class Request(NamedTuple):
    x: str
    y: tuple            # names or patterns of results
    by: tuple = ()      # columns whose values are the series
    where: tuple = ()   # (column, names or patterns)
    base: tuple = ()    # (column, value) to which the values are relative
    statistic: str = "median"
    skip_failed: bool = False


class Part(NamedTuple):
    """A panel: the points of one axis of values."""
    title: str
    units: list
    points: dict        # {x: {series: Cell}}


class Selection(NamedTuple):
    lines: list
    parts: list
    series: list        # in order; each is a tuple of the values of the columns of `by`
    numbers: dict       # {x: number} if all x are numbers, else {}
    failed: list        # lines that were left out
    without: list       # points that were left out, because their base is missing


def listed(names):
    """Return names as text, and how many more there are."""
    names = ["'%s'" % style.label(name) for name in dict.fromkeys(names)]
    return ", ".join(names[:SHOWN]) + (" and %d more" % (len(names) - SHOWN) if len(names) > SHOWN else "")


def split(text, known):
    """Split a list at its commas, unless the whole text is a known name."""
    return (text,) if text in known else tuple(text.split(","))


def _matches(value, patterns):
    return any(value == pattern or fnmatch.fnmatchcase(value, pattern) for pattern in patterns)


def number_of(text):
    """Return the number that a value such as 8 or 512M stands for, or None."""
    found = NUMBER.fullmatch(text)
    return float(found.group(1)) * FACTORS[found.group(2).lower()] if found else None


def usage(text, *rest):
    """Refuse a request."""
    raise LaunchError(text % rest, STATUS_USAGE)


def _check_columns(table, request):
    known = table.columns + (NAME,) + provenance.COLUMNS
    for option, columns in (("--x", [request.x]), ("--by", request.by), ("--where", [column for column, _ in request.where]),
                            ("--relative-to", request.base[:1])):
        for column in columns:
            if column not in known:
                usage("%s %s: %s has no such column; its parameters are %s", option, column, table.path,
                      ", ".join(table.columns + (NAME,)))
    if request.x in request.by:
        usage("--by %s: is also --x; choose another column for one of them", request.x)
    if request.base and request.base[0] not in (request.x,) + request.by:
        usage("--relative-to %s=%s: add --by %s, so that the figure has values to compare", *request.base, request.base[0])


def _where(table, request):
    lines = table.lines
    for column, patterns in request.where:
        for pattern in patterns:
            if not any(_matches(line[column], (pattern,)) for line in table.lines):
                usage("--where %s=%s: %s has no such value; its values are %s", column, pattern, table.path,
                      listed(line[column] for line in table.lines))
        lines = [line for line in lines if _matches(line[column], patterns)]
    if not lines:
        usage("--where: no line of %s meets all conditions", table.path)
    return lines


def _named(table, request, lines):
    """Return the lines of the results that --y names, in the order of --y."""
    names = list(dict.fromkeys(line[NAME] for line in lines if line[NAME]))
    found = []
    for pattern in request.y:
        mine = [name for name in names if _matches(name, (pattern,))]
        if not mine:
            usage("--y %s: %s has no such result%s; its results are %s", pattern, table.path,
                  " among the selected lines" if request.where else "", listed(names) or "none")
        found += mine
    order = {name: i for i, name in enumerate(dict.fromkeys(found))}
    return sorted((line for line in lines if line[NAME] in order), key=lambda line: order[line[NAME]])


def _without_failed(table, request, lines):
    failed = [line for line in lines if line["status"] != "ok"]
    if failed and not request.skip_failed:
        raise LaunchError("%s: %d of %d lines have the status '%s': %s; run the sweep again with --retry, select other "
                          "lines with --where, or leave these out with --skip-failed" % (
                              table.path, len(failed), len(lines), failed[0]["status"],
                              listed(table.described(line) for line in failed)))
    return [line for line in lines if line["status"] == "ok"], failed


def ordered(column, values):
    """Return the values of a column, each once: systems in a fixed order, numbers ascending, others as in the file."""
    values = list(dict.fromkeys(values))
    numbers = {value: number_of(value) for value in values}
    if column == "system" and set(values) <= set(style.SYSTEMS):
        return [system for system in style.SYSTEMS if system in values]
    if None not in numbers.values():
        return sorted(values, key=numbers.get)
    return values


def _one_point(table, lines, request):
    """Check that lines of one point differ only in their repetition."""
    where = " ".join(["%s=%s" % (column, style.label(lines[0][column])) for column in (request.x,) + request.by])
    for column in table.columns + provenance.COLUMNS:
        values = list(dict.fromkeys(line[column] for line in lines))
        if len(values) > 1:
            raise LaunchError("%s: one point (%s) would have the values of several measurements: '%s' varies (%s); add "
                              "--by %s, or choose one of them with --where %s=VALUE" % (
                                  table.path, where, column, listed(values), column, column))
    turns = [line["repetition"] for line in lines]
    if len(set(turns)) < len(turns):
        twice = next(turn for turn in turns if turns.count(turn) > 1)
        raise LaunchError("%s: one point (%s) has repetition %s more than once: the file contains several sweeps"
                          % (table.path, where, twice))


def _check_axis(table, lines, request):
    """Refuse lines of one axis whose values cannot be compared."""
    units = {}
    for line in lines:
        units.setdefault(line["unit"], line[NAME])
    if len(units) > 1 and not request.base:
        raise LaunchError("%s: different units on one axis: %s; choose results of one unit with --y, or select lines with "
                          "--where" % (table.path, ", ".join("%s (%s)" % (name, unit or "no unit")
                                                             for unit, name in units.items())))
    wall = [line for line in lines if results.is_wall(line)]
    jobs = {tuple(line[column] for column in table.columns) for line in wall}
    if len(jobs) > 1:
        raise LaunchError("%s: %s: times of %d jobs would be compared, but each job ran on its own, when the machine may "
                          "have been in another state; plot counted results, or ratios (unit x) that a job measures "
                          "within its own run (docs/validity.md)" % (table.path, wall[0][NAME], len(jobs)))
    return list(units)


def _points(table, lines, request):
    """Return {x: {series: Cell}}, in the order of x."""
    found = {}
    for line in lines:
        series = tuple(line[column] for column in request.by)
        found.setdefault(line[request.x], {}).setdefault(series, []).append(line)
    cells = {}
    for x in ordered(request.x, found) if request.x != NAME else found:
        for series, mine in found[x].items():
            _one_point(table, mine, request)
            try:
                cells.setdefault(x, {})[series] = table.cell(mine, request.statistic)
            except ValueError as error:
                raise LaunchError("%s: %s: %s" % (table.path, table.described(mine[0]), error)) from None
    return cells


def _base_of(points, x, series, request):
    """Return the Cell to which a point is relative, or None. A parameter that the base does not have, such as a
    toggle on Linux KVM, need not be equal."""
    column, value = request.base
    if column == request.x:
        return points.get(value, {}).get(series)
    at = request.by.index(column)
    alike = [key for key in points[x] if key[at] == value and all(
        mine in (theirs, "") for i, (mine, theirs) in enumerate(zip(key, series)) if i != at)]
    return points[x][max(alike, key=lambda key: sum(map(bool, key)))] if alike else None


def _relative(table, points, request):
    """Return the points as ratios to their base, and the names of points without a base."""
    column, value = request.base
    found, without = {}, []
    for x, mine in points.items():
        for series, cell in mine.items():
            if column in request.by and series[request.by.index(column)] == value:
                continue
            base, where = _base_of(points, x, series, request), " ".join((x,) + series)
            if base is None:
                without.append(where)
                continue
            if base.unit != cell.unit:
                raise LaunchError("%s: %s: a ratio of %s to %s has no meaning" % (table.path, where, cell.unit, base.unit))
            if base.low <= 0:
                raise LaunchError("%s: %s: the value for %s=%s is %g, so there is no ratio to it"
                                  % (table.path, where, column, value, base.low))
            found.setdefault(x, {})[series] = results.ratio(cell, base, request.statistic)
    if not found:
        raise LaunchError("%s: --relative-to %s=%s: no point has a value to compare with" % (table.path, column, value))
    return found, without


def _numbers(table, lines, request):
    """Return {x: number}, or {} if not all x are numbers."""
    values = ordered(request.x, (line[request.x] for line in lines))
    found = {value: number_of(value) for value in values}
    if "" in found and len(found) > 1 and None not in [number for value, number in found.items() if value]:
        raise LaunchError("%s: %d lines have no value for --x %s: select the others with --where %s=%s" % (
            table.path, sum(not line[request.x] for line in lines), request.x, request.x,
            ",".join(value for value in values if value)))
    if request.x == NAME or None in found.values():
        return {}
    if len(set(found.values())) < len(found):
        usage("--x %s: two of its values are equal numbers (%s); select one of them with --where", request.x, listed(found))
    return found


def select(table, request):
    """Return the Selection that a Request describes."""
    _check_columns(table, request)
    lines, failed = _without_failed(table, request, _where(table, request))
    lines = _named(table, request, lines)
    axes = {}
    for line in lines:
        axes.setdefault("" if NAME in (request.x,) + request.by else line[NAME], []).append(line)
    parts, without = [], []
    for title, mine in axes.items():
        units, points = _check_axis(table, mine, request), _points(table, mine, request)
        if request.base:
            points, lacking = _relative(table, points, request)
            without += lacking
        parts.append(Part(title, units, points))
    found = {series for part in parts for cells in part.points.values() for series in cells}
    places = [{value: i for i, value in enumerate(ordered(column, (line[column] for line in lines)))}
              for column in request.by]
    series = sorted(found, key=lambda key: [place[value] for place, value in zip(places, key)])
    return Selection(lines, parts, series, _numbers(table, lines, request), failed, without)
