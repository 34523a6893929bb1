# SPDX-License-Identifier: MIT
"""chart.py - draw a figure of selected results (selection.py), with the labels and the foot that they need."""
from . import data, marks, results, style
from .selection import NAME, listed, select, usage

AXES = {"vcpus": "vCPUs"}   # column -> its name on an axis, if it differs
LONG = 60                   # characters; a longer value is not repeated in the foot
MOST = {"bars": 150, "points": 150, "lines": 1000}  # bars, rows or points of a figure; more cannot be read


def value_label(column, value):
    """Return the name of a series or of a group for readers."""
    if column == "system" and value in style.SYSTEMS:
        return style.SYSTEMS[value].name
    if column == NAME or column == "toggles" and value:  # the benchmark's column, whose values are NAME=VALUE
        return style.label(value)
    return "%s=%s" % (column, style.label(value)) if value else "no %s" % column


def _unlike(names):
    """Number names that are equal after they were shortened."""
    return ["%s (%d)" % (name, names[:i].count(name) + 1) if names.count(name) > 1 else name
            for i, name in enumerate(names)]


def _series(request, keys):
    """Return {series: Look}. Only series that are systems have the colors of systems."""
    if request.by == ("system",) and all(key[0] in style.SYSTEMS for key in keys):
        return {key: style.SYSTEMS[key[0]] for key in keys}
    if len(keys) > style.MOST_SERIES:
        usage("--by %s: %d series, of which only %d can be told apart; select fewer with --where",
              ",".join(request.by), len(keys), style.MOST_SERIES)
    names = _unlike([", ".join(value_label(column, value) for column, value in zip(request.by, key)
                               if value or not any(key)) for key in keys])
    names = [" " + name if name.startswith("_") else name for name in names]  # matplotlib hides names with _
    return {key: look._replace(name=name or "all") for key, look, name in zip(keys, style.looks(keys).values(), names)}


def _kind(request, selection, kind, log):
    """Return the kind of marks: the one asked for if it suits the data, or one that does."""
    if not kind:
        kind = "lines" if len(selection.numbers) > 1 else "points" if "y" in log else "bars"
    if kind == "lines" and not selection.numbers:
        usage("lines need numbers, but '%s' is not a column of numbers; use --kind bars or points", request.x)
    if kind == "bars" and "y" in log:
        usage("--log y: bars begin at zero, which a logarithmic axis does not have; use --kind points or lines")
    if "x" in log and kind != "lines":
        usage("--log x: only lines have an axis of numbers for --x; use --kind lines")
    count = sum(1 if kind == "points" else len(cells) for part in selection.parts for cells in part.points.values())
    if count > MOST[kind]:
        usage("--x %s: the figure would have %d %s, of which at most %d can be read; select fewer with --where or --y",
              request.x, count, {"bars": "bars", "points": "rows", "lines": "points"}[kind], MOST[kind])
    return kind


def _cells(selection):
    return [cell for part in selection.parts for cells in part.points.values() for cell in cells.values()]


def _check_log(selection, log):
    if "y" in log and any(cell.low <= 0 for cell in _cells(selection)):
        usage("--log y: a value is not positive; a logarithmic axis cannot show it")
    if "x" in log and 0 in selection.numbers.values():
        usage("--log x: a value is 0; a logarithmic axis cannot show it")


def _unit(request, part, alone):
    """Return the label of the axis of values."""
    unit = (part.units[0] if len(part.units) == 1 else "several units") or "no unit"
    if request.base:
        unit += ", relative to " + value_label(*request.base)
    return "%s (%s)" % (part.title, unit) if alone and part.title else unit


def _title(request, selection):
    names = list(dict.fromkeys(line[NAME] for line in selection.lines))
    title = style.label(", ".join(names if len(names) < 4 else request.y))
    by = [AXES.get(column, column) for column in (request.x,) + request.by if column != NAME]
    title += " by " + " and ".join(by) if by else ""
    return title + (", relative to %s" % value_label(*request.base) if request.base else "")


def _spread(table, request, selection):
    cells = _cells(selection)
    counts = sorted({cell.n for cell in cells})
    exact = all(map(results.is_exact, selection.lines))
    text = "n = %s per point%s." % (counts[0] if len(counts) == 1 else "%d to %d" % (counts[0], counts[-1]),
                                    ": " + table.exact if exact else "")
    if any(cell.low < cell.high for cell in cells):
        spreads = [table.spread]
        if request.base:
            spreads = []
            if any(cell.values for cell in cells):
                spreads.append("whiskers: least to greatest ratio of a repetition to the same repetition of the base")
            if not all(cell.values for cell in cells):
                spreads.append(table.spread + "; for a ratio, each end is divided by the base's other end")
        return text + " Shown is the %s; %s." % (request.statistic, "; ".join(spreads))
    if counts[-1] > 1:
        return text + " The values of each point are equal."
    return text if exact else text + " The spread is not known."


def _fixed(table, request, selection):
    """Return the parameters that are neither x nor series: their values, or that they differ between points."""
    words = []
    for column in table.columns:
        values = list(dict.fromkeys(line[column] for line in selection.lines if line[column]))
        if column in (request.x,) + request.by or not values:
            continue
        if len(values) > 1:
            words.append("%s differs between points" % column)
        elif len(values[0]) <= LONG:
            words.append("%s=%s" % (column, values[0]))
    return ", ".join(words)


def note(table, request, selection):
    """Return the foot of the figure."""
    lines = [_spread(table, request, selection), _fixed(table, request, selection)]
    if selection.failed:
        lines.append("Left out, because %d lines have failed: %s." % (
            len(selection.failed), listed(table.described(line) for line in selection.failed)))
    if selection.without:
        lines.append("Left out, without a value for %s: %s." % (value_label(*request.base), listed(selection.without)))
    return "\n".join(filter(None, lines + [data.made_with(selection.lines)]))


def draw(table, request, kind="", log="", title=None, size=(style.WIDTH, None), more=""):
    """Return the Figure. size: (width, height or None) in inches; more: further text for the foot."""
    selection = select(table, request)
    kind = _kind(request, selection, kind, log)
    _check_log(selection, log)
    series = _series(request, selection.series)
    panels = []
    for part in selection.parts:
        labels = [selection.numbers[x] if kind == "lines" else value_label(request.x, x) for x in part.points]
        labels = labels if kind == "lines" else _unlike(labels)
        panels.append(marks.Panel(list(zip(labels, part.points.values())), _unit(request, part, len(selection.parts) == 1),
                                  part.title if len(selection.parts) > 1 else ""))
    options = {"log": log}
    if kind == "lines":
        options.update(x=AXES.get(request.x, request.x), labels={number: x for x, number in selection.numbers.items()})
    drawn = marks.figure(kind, panels, series, size[0], style.number,
                         base=value_label(*request.base) if request.base else "", **options)
    style.finish(drawn, _title(request, selection) if title is None else title,
                 note(table, request, selection) + more, size[1])
    return drawn
