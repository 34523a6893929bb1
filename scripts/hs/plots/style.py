# SPDX-License-Identifier: MIT
"""style.py - the style of plots, and checks of plots.

The colors are the palette of Okabe and Ito, which color-blind readers can distinguish. Systems also differ in
hatching and marker, for prints without colors. check() rejects an empty figure, a numeric axis without a label,
bars on a logarithmic axis or on one without a zero, bars that reach beyond their axes, and elements that are cut
off at the figure's edge.
"""
import os
import textwrap

import matplotlib

matplotlib.use("svg")  # needs no display
from matplotlib import ticker  # noqa: E402
from matplotlib.container import BarContainer  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402
from matplotlib.font_manager import FontProperties  # noqa: E402
from matplotlib.textpath import text_to_path  # noqa: E402

BLACK, ORANGE, SKY, GREEN, YELLOW, BLUE, VERMILION, PURPLE = (
    "#000000", "#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7")
GRAY = "#999999"
ROOM = 0.14  # space after the longest bar for its number, as a share of the range of values
FAR = 0.1    # if a whisker is longer than this share of the axis, its end is written next to the number
# system -> (name for readers, color, hatching of bars, marker of points)
SYSTEMS = {
    "hyperscope": ("hyperscope", BLUE, "", "o"),
    "linux": ("Linux KVM", VERMILION, "////", "s"),
    "bare": ("bare, no VM", GRAY, "\\\\\\\\", "^"),
    "native": ("native, no VM", GRAY, "\\\\\\\\", "^"),
}
# Colors and hatchings for a paper's machines.
MORE = tuple((color, hatch) for hatch in ("xx", "..") for color in (ORANGE, SKY, GREEN, PURPLE, YELLOW))
# Text is drawn as outlines, so that it looks the same everywhere. A fixed svg.hashsalt makes the output reproducible.
matplotlib.rcParams.update({
    "svg.hashsalt": "hyperscope", "svg.fonttype": "path", "font.family": "DejaVu Sans", "font.size": 8,
    "axes.titlesize": 9, "axes.titleweight": "bold", "axes.titlelocation": "left", "axes.spines.top": False,
    "axes.spines.right": False, "axes.axisbelow": True, "hatch.linewidth": 0.6, "legend.frameon": False})


# Metadata for savefig() that omits the time of drawing, so that the output is reproducible.
WITHOUT_TIME = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}


class PlotError(Exception):
    """An error in a figure, described in one sentence."""


def figure(width, height, rows=1, columns=1, **more):
    """Return a Figure and a list of its axes. more: arguments of Figure.subplots()."""
    made = Figure(figsize=(width, height), layout="constrained")
    axes = made.subplots(rows, columns, squeeze=False, **more)
    return made, list(axes.flat)


def thousands(axis):
    """Format the numbers of an axis like 1 234 567."""
    axis.set_major_formatter(ticker.FuncFormatter(lambda value, _: "%g" % value if abs(value) < 1000 else _spaced(value)))


def _spaced(value):
    return format(round(value), ",").replace(",", " ")


def shown(value):
    if value >= 10000:
        return _spaced(value)
    return "%.0f" % value if value >= 100 or value == int(value) else "%.1f" % value


def _value_text(value, low, high, edge, text):
    """Return a bar's number, with the upper end of its whisker if that end is far from the value or beyond the
    edge."""
    far = high > edge or high - value > FAR * edge
    return text(value) + (" (to %s)" % text(high) if far else "")


def bars(axes, groups, series, unit, text=shown):
    """Draw horizontal bars.

    groups: [(label, {key: (value, low, high) or value})]; series: {key: (name, color, hatch)}. low and high are the
    ends of a whisker. A whisker that reaches beyond the edge of the axes is cut off there, and the value of its end
    is written next to the bar's number. A key that is missing from a group has no bar there."""
    cells = [(name, {key: value if isinstance(value, tuple) else (value,) * 3
                     for key, value in values.items() if value is not None}) for name, values in groups]
    values = [0] + [cell[0] for _, mine in cells for cell in mine.values()]
    most, least = max(values), min(values)
    edge = most + (most - least) * ROOM
    drawn, ticks, place = {key: [] for key in series}, [], 0.0
    for _, mine in cells:
        keys = [key for key in series if key in mine]
        for i, key in enumerate(keys):
            value, low, high = mine[key]
            beside = value if high > edge else max(value, high, 0)
            axes.annotate(_value_text(value, low, high, edge, text), (beside, place + i - 0.03), (3, 0),
                          textcoords="offset points", va="center", fontsize=6.5,
                          bbox={"fc": "white", "ec": "none", "pad": 0.4})
            drawn[key].append((place + i, value, value - low, min(high, edge) - value))
        ticks.append(place + (len(keys) - 1) / 2)
        place += len(keys) + 0.6
    for key, points in drawn.items():
        _series(axes, points, series[key])
    axes.set_yticks(ticks, [name for name, _ in cells])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(place - 0.1, -1.1)
    axes.set_xlim(least - (most - least) * ROOM if least < 0 else 0, edge)
    axes.grid(axis="x", color="#dddddd", linewidth=0.6)
    thousands(axes.xaxis)
    axes.set_xlabel(unit)


def _series(axes, points, look):
    """Draw the bars of one key. points: (place, value, lower error, upper error)."""
    if not points:
        return
    name, color, hatch = look[:3]
    y, width, _, _ = zip(*points)
    axes.barh(y, width, 0.92, color=color, hatch=hatch, edgecolor="white", linewidth=0, label=name)
    for at, value, low, high in points:
        if low or high:
            axes.errorbar([value], [at], xerr=([low], [high]), fmt="none", ecolor=BLACK, elinewidth=0.8, capsize=1.5)


def finish(drawn, title, note):
    """Add the title, a note about n and errors at the foot, and, if there are several series and no legend yet, a
    legend below the title."""
    found = {}
    for axes in drawn.axes:
        for handle, name in zip(*axes.get_legend_handles_labels()):
            found.setdefault(name, handle)
    if len(found) > 1 and not drawn.axes[0].get_legend():
        drawn.axes[0].legend(found.values(), found.keys(), loc="lower left", bbox_to_anchor=(0, 1), ncols=len(found),
                             borderaxespad=0.2)
    drawn.suptitle(title, x=0.01, ha="left", fontsize=10, fontweight="bold")
    foot(drawn, note)


def label(text, letters=44):
    """Return a row's name, shortened if necessary."""
    return text if len(text) <= letters else textwrap.shorten(text, letters, placeholder=" \u2026")


FOOT = 6.5   # points
MARGIN = 0.01  # share of the width, on either side of the note at the foot


def _lines(text, width):
    """Yield the lines of a paragraph, each at most WIDTH points wide."""
    line, font = "", FontProperties(size=FOOT)
    for word in text.split():
        longer = (line + " " + word).lstrip()
        if line and text_to_path.get_text_width_height_descent(longer, font, False)[0] > width:
            yield line
            longer = word
        line = longer
    yield line


def foot(drawn, note):
    width = 72 * drawn.get_figwidth() * (1 - 2 * MARGIN)
    text = "\n".join(line for paragraph in note.splitlines() for line in _lines(paragraph, width))
    drawn.supxlabel(text, x=MARGIN, ha="left", fontsize=FOOT, color="#444444")


# ---- checks ----


def _has_zero(axes, container):
    lies = container.orientation == "horizontal"
    low, high = sorted(axes.get_xlim() if lies else axes.get_ylim())
    return low <= 0 <= high and (axes.get_xscale() if lies else axes.get_yscale()) == "linear"


def _is_cut(axes, container):
    """Return whether part of a bar is beyond the axes."""
    (left, right), (low, high) = sorted(axes.get_xlim()), sorted(axes.get_ylim())
    boxes = [patch.get_bbox() for patch in container]
    return any(box.x0 < left or box.x1 > right or box.y0 < low or box.y1 > high for box in boxes)


def _is_empty(axes):
    points = any(len(line.get_xdata()) for line in axes.lines)
    areas = any(patch.get_width() or patch.get_height() for patch in axes.patches if hasattr(patch, "get_width"))
    return not points and not areas and not any(len(each.get_paths()) for each in axes.collections)


def check(drawn, name):
    """Raise PlotError if a figure is misleading or empty."""
    if not drawn.axes:
        raise PlotError("%s: nothing is drawn" % name)
    for axes in drawn.axes:
        where = "%s%s" % (name, ", '%s'" % axes.get_title(loc="left") if axes.get_title(loc="left") else "")
        if _is_empty(axes):
            raise PlotError("%s: nothing is drawn" % where)
        for which, axis in (("x", axes.xaxis), ("y", axes.yaxis)):
            names = isinstance(axis.get_major_locator(), ticker.FixedLocator)
            shows = any(tick.label1.get_visible() for tick in axis.get_major_ticks())
            if shows and not names and not axis.get_label().get_text():
                raise PlotError("%s: its %s axis has numbers and no label" % (where, which))
        for container in axes.containers:
            if isinstance(container, BarContainer) and not _has_zero(axes, container):
                raise PlotError("%s: bars on an axis without a zero" % where)
            if isinstance(container, BarContainer) and _is_cut(axes, container):
                raise PlotError("%s: a bar reaches beyond its axes" % where)
    settle(drawn)
    drawn_to, (width, height) = drawn.get_tightbbox(), drawn.get_size_inches()
    if min(drawn_to.x0, drawn_to.y0, width - drawn_to.x1, height - drawn_to.y1) < 0:
        raise PlotError("%s: something is cut off at the figure's edge" % name)


def settle(drawn):
    """Freeze the layout. Positions are rounded, because the last bits of the solver's result differ between runs."""
    drawn.draw_without_rendering()
    drawn.set_layout_engine("none")
    for axes in drawn.axes:
        axes.set_position([round(part, 5) for part in axes.get_position().bounds])


def write(drawn, file, form):
    settle(drawn)
    drawn.savefig(file, format=form, dpi=110, metadata=WITHOUT_TIME.get(form))


def save(drawn, name, folder, formats=("svg",)):
    """Check a figure, write it (each file completely or not at all), and return the paths."""
    check(drawn, name)
    os.makedirs(folder, exist_ok=True)
    paths = []
    for form in formats:
        path = os.path.join(folder, "%s.%s" % (name, form))
        beside = "%s.%d.new" % (path, os.getpid())
        try:
            write(drawn, beside, form)
            os.replace(beside, path)
        finally:
            if os.path.exists(beside):
                os.unlink(beside)
        paths.append(path)
    return paths
