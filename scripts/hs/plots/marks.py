# SPDX-License-Identifier: MIT
"""marks.py - draw values by group and series, as bars, stacked bars, points or lines.

All kinds take the same data. A Panel has groups, and each group has at most one value per series, with the ends of
a whisker. Bars and points are drawn horizontally: a group is a row of the panel, and all bars of a figure have the
same thickness. A group without values is a heading above the rows that follow. Lines have a numeric axis for the
groups.
"""
import math
from typing import Callable, NamedTuple

from matplotlib.font_manager import FontProperties

from . import style

BAR = 0.125      # inches: the height of a bar
BETWEEN = 0.6    # distance between groups, in bars
ROW = {"points": 0.76, "stacks": 1.7}  # height of a row, in bars; a row of bars has the height of its bars
TEXT = 1.05      # height of a line of a group's label, in bars
APART = 0.3      # distance between two labels, in bars
AXIS = 0.42      # inches: numbers and label of a horizontal axis
TITLE = 0.25     # inches: title of a panel
HEIGHT = 2.2     # inches: a panel of lines
LANDSCAPE = 0.6  # its largest height, as a share of its width
NARROW = 5       # inches: a narrower figure has one column of panels
LABELS = 0.36    # largest share of the width for the labels of groups
ROOM = 0.14      # space after the longest bar for its number, as a share of the range of values
FAR = 0.1        # if a whisker is longer than this share of the axis, its end is written next to the number
INSIDE = 0.045   # a part of a stacked bar has its number inside if it is longer than this share of the axis
CROWDED = 0.05   # numbers of an axis are at least this share of the axis apart
BEHIND = {"fc": "white", "ec": "none", "pad": 0.4}  # the background of numbers and headings
HEADING = FontProperties(size=9, weight="bold")


class Panel(NamedTuple):
    groups: list      # [(label, {key: (value, low, high, ...) or value})]; for lines, each label is a number
    unit: str         # label of the axis of values
    title: str = ""


def figure(kind, panels, series, width=style.WIDTH, text=style.shown, base="", **more):
    """Return a figure with these panels. series: {key: Look}; a key that is missing from a group has no mark there.
    base: what the values are multiples of; a line marks 1. more: arguments of points() or lines()."""
    draw: dict[str, Callable] = {"bars": bars, "stacks": stacks, "points": points, "lines": lines}
    if kind == "lines":
        columns = 2 if len(panels) > 1 and width >= NARROW else 1
        rows, height = -(-len(panels) // columns), min(HEIGHT, LANDSCAPE * width / columns)
        drawn, axes = style.figure(width, (height + AXIS + TITLE * (len(panels) > 1)) * rows, rows, columns)
    else:
        columns, height = 1, HEIGHT
        panels = [panel._replace(groups=[(_folded(label, cells, width), cells) for label, cells in panel.groups])
                  for panel in panels]
        places = [_places(kind, panel.groups)[1] for panel in panels]
        around = sum(AXIS + TITLE * bool(panel.title) for panel in panels)
        drawn, axes = style.figure(width, BAR * sum(places) + around, len(panels), gridspec_kw={"height_ratios": places})
    for spare in axes[len(panels):]:
        spare.remove()
    for each, panel in zip(axes, panels):
        draw[kind](each, panel.groups, series, panel.unit, text=text, base=base, **more)
        each.grid(axis="both" if kind == "lines" else "x", **style.GRID)
        _fold_labels(each, width / columns, height)
        each.set_title(style.wrapped(panel.title, 72 * width * (1 - LABELS), HEADING))
        if base:
            _mark_one(each, kind, base)
    return drawn


def _mark_one(axes, kind, base):
    line, limits, set_limits = ((axes.axhline, axes.get_ylim, axes.set_ylim) if kind == "lines" else
                                (axes.axvline, axes.get_xlim, axes.set_xlim))
    line(1, color=style.BLACK, linewidth=0.8, linestyle="--", label="1: " + base)
    low, high = limits()
    set_limits(min(low, 1), max(high, 1 + ROOM * (1 - min(low, 1))))


def _folded(label, cells, width):
    return style.wrapped(label, 72 * width * LABELS, FontProperties(size=8)) if cells else style.wrapped(
        label, 72 * width * (1 - LABELS), HEADING)


def _fold_labels(axes, width, height):
    """Break the labels of the axes, so that they are not longer than the axes."""
    font = FontProperties(size=8)
    axes.set_xlabel(style.wrapped(axes.get_xlabel(), 72 * width * (1 - LABELS), font))
    axes.set_ylabel(style.wrapped(axes.get_ylabel(), 72 * height * 0.9, font))


def _ends(cell):
    """Return (value, low, high)."""
    return tuple(cell[:3]) if isinstance(cell, tuple) else (cell,) * 3


def _places(kind, groups):
    """Return the place of each group, and the extent of the panel, in bars."""
    places, place = [], 1.0
    for name, cells in groups:
        if places and not cells:
            place += BETWEEN
        rows = ROW.get(kind, len(cells)) if cells else 0
        extent = max(rows + BETWEEN, TEXT * (name.count("\n") + 1) + APART)
        places.append(place + (extent - BETWEEN - 1) / 2)
        place += extent
    return places, place - 0.3


def _rows(axes, kind, groups):
    """Prepare the axis of groups, from top to bottom, and write the headings. Return [(place, cells)] of the groups that
    have values."""
    places, extent = _places(kind, groups)
    for place, (label, cells) in zip(places, groups):
        if not cells:
            axes.annotate(label, (0, place), (2, 0), xycoords=("axes fraction", "data"), textcoords="offset points",
                          va="center", fontproperties=HEADING, bbox=BEHIND)
    rows = [(place, label, cells) for place, (label, cells) in zip(places, groups) if cells]
    axes.set_yticks([place for place, _, _ in rows], [label for _, label, _ in rows])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(extent, 0)
    return [(place, cells) for place, _, cells in rows]


def _values(groups):
    return [_ends(cell) for _, cells in groups for cell in cells.values()]


def _limits(values):
    """Return the range of values, with zero and with room for numbers."""
    most, least = max([0] + values), min([0] + values)
    room = (most - least) * ROOM
    return least - room if least < 0 else 0, most + room if most > least else 1


def _value_text(value, high, edge, text):
    """Return a bar's number, with the upper end of its whisker if that end is far from the value or beyond the
    edge."""
    far = high > edge or high - value > FAR * edge
    return text(value) + (" (to %s)" % text(high) if far else "")


def _number_bar(axes, text, value, place):
    """Write a number after the end of a bar."""
    axes.annotate(text, (value, place - 0.03), (3, 0), textcoords="offset points", va="center", fontsize=6.5, bbox=BEHIND)


def bars(axes, groups, series, unit, text=style.shown, **_):
    """Draw horizontal bars, from zero. A whisker that reaches beyond the edge of the axes is cut off there, and the
    value of its end is written next to the bar's number."""
    least, edge = _limits([value for value, _, _ in _values(groups)])
    drawn = {key: [] for key in series}
    for place, cells in _rows(axes, "bars", groups):
        keys = [key for key in series if key in cells]
        for i, key in enumerate(keys):
            value, low, high = _ends(cells[key])
            at, low, end = place + i - (len(keys) - 1) / 2, max(low, least), min(high, edge)
            _number_bar(axes, _value_text(value, high, edge, text), value if high > edge else max(end, 0), at)
            drawn[key].append((at, value))
            if low < value or value < end:
                axes.errorbar([value], [at], xerr=([value - low], [end - value]), fmt="none", ecolor=style.BLACK,
                              elinewidth=0.8, capsize=1.5)
    for key, places in drawn.items():
        if places:
            axes.barh(*zip(*places), 0.92, color=series[key].color, hatch=series[key].hatch, edgecolor="white",
                      linewidth=0, label=series[key].name)
    axes.set_xlim(least, edge)
    style.thousands(axes.xaxis)
    axes.set_xlabel(unit)


def stacks(axes, groups, series, unit, text=style.shown, **_):
    """Draw a group's values as the parts of one bar, and write their sum after it. A negative value is only in the sum."""
    rows = _rows(axes, "stacks", groups)
    least, edge = _limits([sum(max(value, 0) for value in cells.values()) for _, cells in rows])
    lefts = [0] * len(rows)
    for key, look in series.items():
        values = [max(cells.get(key, 0), 0) for _, cells in rows]
        axes.barh([place for place, _ in rows], values, ROW["stacks"], left=lefts, color=look.color, hatch=look.hatch,
                  edgecolor="white", linewidth=0.5, label=look.name)
        for (place, _), value, left in zip(rows, values, lefts):
            if value > INSIDE * edge:
                axes.text(left + value / 2, place, text(value), ha="center", va="center", fontsize=6.5, bbox=BEHIND)
        lefts = [left + value for left, value in zip(lefts, values)]
    for (place, cells), left in zip(rows, lefts):
        _number_bar(axes, text(round(sum(cells.values()))), left, place)
    axes.set_xlim(least, edge)
    style.thousands(axes.xaxis)
    axes.set_xlabel(unit)


def points(axes, groups, series, unit, log="", base="", **_):
    """Draw a group's values on one row, connected from the least to the greatest, and with 1 if they have a base."""
    rows = _rows(axes, "points", groups)
    for place, cells in rows:
        axes.axhline(place, color="#eeeeee", linewidth=0.6, zorder=0)
        ends = [_ends(cell)[0] for cell in cells.values()] + [1] * bool(base)
        axes.plot([min(ends), max(ends)], [place] * 2, color="#bbbbbb", linewidth=1, zorder=1)
    for key, look in series.items():
        found = [(place, *_ends(cells[key])) for place, cells in rows if key in cells]
        if found:
            axes.plot([value for _, value, _, _ in found], [place for place, *_ in found], look.marker, color=look.color,
                      markersize=4, label=look.name)
            for place, value, low, high in found:
                if low < high:
                    axes.plot([low, high], [place] * 2, color=look.color, linewidth=0.8)
    _scale(axes.xaxis, groups, "y" in log)
    axes.set_xlabel(unit + (" (logarithmic axis)" if "y" in log else ""))


def _scale(axis, groups, log):
    """Set the scale of an axis of values. A linear axis begins at zero."""
    if log:
        style.logarithmic(axis)
        return
    low, high = _limits([end for ends in _values(groups) for end in ends])
    (axis.axes.set_xlim if axis.axis_name == "x" else axis.axes.set_ylim)(low, high)
    style.thousands(axis)


def lines(axes, groups, series, unit, log="", x="", labels=None, **_):
    """Draw each series as points that a line connects; the line is interrupted where a group has no value for the series.
    x: label of the axis of groups; labels: {group's number: its text}."""
    groups = sorted(groups, key=lambda group: group[0])
    for key, look in series.items():
        found = [(at, *_ends(cells[key])) if key in cells else (at,) + (math.nan,) * 3 for at, cells in groups]
        if all(math.isnan(value) for _, value, _, _ in found):
            continue
        axes.plot([at for at, *_ in found], [value for _, value, _, _ in found], marker=look.marker, markersize=4,
                  color=look.color, linewidth=1.2, label=look.name)
        for at, _, low, high in found:
            if low < high:
                axes.plot([at, at], [low, high], "_-", color=look.color, linewidth=0.8, markersize=5)
    _scale(axes.yaxis, groups, "y" in log)
    if "x" in log:
        style.logarithmic(axes.xaxis)
    _number(axes, [at for at, _ in groups], labels or {})
    axes.set_xlabel(x + (" (logarithmic axis)" if "x" in log else ""))
    axes.set_ylabel(unit + (" (logarithmic axis)" if "y" in log else ""))


def _number(axes, numbers, labels):
    """Number the axis of groups where the groups are, except where numbers would overlap."""
    kept, last = [], -math.inf
    for at, (pixel, _) in zip(numbers, axes.transData.transform([(at, 1) for at in numbers])):
        text = labels.get(at, "%g" % at)
        if pixel - last >= CROWDED * axes.bbox.width * max(1, len(text) / 4):
            kept.append((at, text))
            last = pixel
    axes.set_xticks(*zip(*kept))
    axes.tick_params(axis="x", which="minor", bottom=False)
