# SPDX-License-Identifier: MIT
"""style.py - the style of plots, and checks of plots.

The colors are the palette of Okabe and Ito, which color-blind readers can distinguish. Systems also differ in
hatching and marker, for prints without colors. check() rejects an empty figure, a numeric axis without a label,
bars on a logarithmic axis or on one without a zero, bars that reach beyond their axes, and elements that are cut
off at the figure's edge.
"""
import os
from typing import NamedTuple

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
GRID = {"color": "#dddddd", "linewidth": 0.6}
WIDTH = 7.2  # inches: the default width of a figure
LEAST = 0.6  # smallest height of the axes, as a share of their usual height


class Look(NamedTuple):
    """How a series is drawn."""
    name: str      # for readers
    color: str
    hatch: str     # of bars
    marker: str    # of points


SYSTEMS = {
    "hyperscope": Look("hyperscope", BLUE, "", "o"),
    "linux": Look("Linux KVM", VERMILION, "////", "s"),
    "bare": Look("bare, no VM", GRAY, "\\\\\\\\", "^"),
    "native": Look("native, no VM", GRAY, "\\\\\\\\", "^"),
}
COLORS = (BLUE, VERMILION, GREEN, ORANGE, SKY, PURPLE, GRAY, YELLOW)
HATCHES = ("", "////", "\\\\\\\\", "xx", "..")
MARKERS = "os^Dvp*X"
MOST_SERIES = len(COLORS) * len(HATCHES)  # so many looks differ both in color and hatching
# Text is drawn as outlines, so that it looks the same everywhere. A fixed svg.hashsalt makes the output reproducible.
matplotlib.rcParams.update({
    "svg.hashsalt": "hyperscope", "svg.fonttype": "path", "font.family": "DejaVu Sans", "font.size": 8,
    "axes.titlesize": 9, "axes.titleweight": "bold", "axes.titlelocation": "left", "axes.spines.top": False,
    "axes.spines.right": False, "axes.axisbelow": True, "hatch.linewidth": 0.6, "legend.frameon": False,
    "text.parse_math": False})  # a name may contain $


# Metadata for savefig() that omits the time of drawing, so that the output is reproducible.
WITHOUT_TIME = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}

PLOT_SHARE = 0.55     # the part of a figure's width that its axes have at least
DIGIT_INCHES = 0.08   # width of a digit
USUAL_NUMBERS = 8     # on an axis, as matplotlib chooses them


class PlotError(Exception):
    """An error in a figure, described in one sentence."""


def looks(names):
    """Return {name: Look} for series that are not systems. Colors repeat with another hatching and another marker."""
    return {name: Look(name, COLORS[i % len(COLORS)], HATCHES[(i + i // len(COLORS)) % len(HATCHES)],
                       MARKERS[(i + i // len(COLORS)) % len(MARKERS)]) for i, name in enumerate(names)}


def figure(width, height, rows=1, columns=1, **more):
    """Return a Figure, of the size in inches that its axes need, and a list of its axes. finish() adds the rest.
    more: arguments of Figure.subplots()."""
    made = Figure(figsize=(width, height), layout="constrained")
    axes = made.subplots(rows, columns, squeeze=False, **more)
    return made, list(axes.flat)


def thousands(axis):
    """Format the numbers of an axis like 1 234 567. A linear x axis gets as few numbers as fit beside each other."""
    def text(value, _=None):
        return _spaced(value) if 1000 <= abs(value) < 1e15 else "%g" % value
    axis.set_major_formatter(ticker.FuncFormatter(text))
    if axis.axis_name == "x" and axis.get_scale() == "linear":
        axes = axis.axes
        width = PLOT_SHARE * axes.figure.get_size_inches()[0] / axes.get_subplotspec().get_gridspec().ncols
        fit = int(width / (DIGIT_INCHES * (2 + max(len(text(round(end))) for end in axis.get_view_interval()))))
        if fit < USUAL_NUMBERS:
            axis.set_major_locator(ticker.MaxNLocator(max(1, fit - 1), steps=[1, 2, 2.5, 5, 10]))


def logarithmic(axis):
    """Make an axis logarithmic, with a number at each power of ten, or more if the axis has few of them."""
    (axis.axes.set_xscale if axis.axis_name == "x" else axis.axes.set_yscale)("log")
    low, high = sorted(axis.get_view_interval())
    if high < low * 1000:
        axis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
    axis.set_minor_formatter(ticker.NullFormatter())
    thousands(axis)


def _spaced(value):
    return format(round(value), ",").replace(",", " ")


def shown(value):
    """Format a count of instructions. Fractions below 100 have one digit, because a batch's resolution is 0.4 instructions."""
    if value >= 10000:
        return _spaced(value)
    return "%.0f" % value if value >= 100 or value == int(value) else "%.1f" % value


def number(value):
    """Format a result of any magnitude: three significant digits, and all digits before the decimal point."""
    if 10000 <= abs(value) < 1e15:
        return _spaced(value)
    if abs(value) < 1e15 and (abs(value) >= 100 or value == int(value)):
        return "%.0f" % value
    return ("%#.3g" % value).rstrip(".")


def label(text, letters=44):
    """Return a row's name, shortened if necessary."""
    text = " ".join(text.split())
    return text if len(text) <= letters else text[:letters - 1].rstrip() + "\u2026"


TITLE, LEGEND, FOOT = 10, 8, 6.5   # font sizes, in points
LINE = 1.3     # height of a line of text, as a multiple of its font size
MARGIN = 0.01  # share of the width, on either side of the title, the legend and the foot


def wrapped(text, width, font):
    """Return the text with line breaks, so that no line is more than WIDTH points wide."""
    def wide(part):
        return bool(part) and text_to_path.get_text_width_height_descent(part, font, False)[0] > width

    lines = []
    for paragraph in text.split("\n"):
        line = ""
        for word in paragraph.split():
            longer = (line + " " + word).lstrip()
            if line and wide(longer):
                lines.append(line)
                longer = word
            while wide(longer) and len(longer) > 1:  # a word that is wider than a line
                fits = next(length for length in range(len(longer) - 1, 0, -1) if length == 1 or not wide(longer[:length]))
                lines.append(longer[:fits])
                longer = longer[fits:]
            line = longer
        lines.append(line)
    return "\n".join(lines)


def _legend(drawn, width):
    """Add the series of all axes as a legend, if there are several, with as many columns as fit WIDTH points. Return its
    height in points."""
    found = {}
    for axes in drawn.axes:
        for handle, name in zip(*axes.get_legend_handles_labels()):
            found.setdefault(name, handle)
    if len(found) < 2:
        return 0
    font = FontProperties(size=LEGEND)
    widest = max(text_to_path.get_text_width_height_descent(name, font, False)[0] for name in found) + 4.8 * LEGEND
    columns = max(1, min(len(found), int(width / widest)))
    drawn.legend(found.values(), found.keys(), loc="upper left", bbox_to_anchor=(MARGIN, 1), ncols=columns, fontsize=LEGEND,
                 borderaxespad=0, borderpad=0)
    return (-(-len(found) // columns) * 1.7 + 0.5) * LEGEND


def finish(drawn, title, note, height=None):
    """Add the title and the legend above the axes, and a note about n and errors below them.

    The figure grows by what it adds, unless the total height is given in inches. Raise PlotError if too little of that
    height is left for the axes."""
    width = 72 * drawn.get_figwidth() * (1 - 2 * MARGIN)
    title = wrapped(title, width, FontProperties(size=TITLE, weight="bold")) if title else ""
    note = wrapped(note, width, FontProperties(size=FOOT))
    above = (title.count("\n") + 1.3) * TITLE * LINE if title else 0.5 * LEGEND
    legend = _legend(drawn, width)
    below = (note.count("\n") + 1.5) * FOOT * LINE
    inner = 72 * drawn.get_figheight()
    outer = 72 * height if height else inner + above + legend + below
    least = LEAST * inner + above + legend + below
    if outer < least:
        raise PlotError("a height of %.1f cm is not enough: the text and the axes need %.1f cm" % (
            2.54 * height, 2.54 * least / 72))
    drawn.set_figheight(outer / 72)
    drawn.text(MARGIN, 1 - 0.3 * TITLE / outer, title, ha="left", va="top", fontsize=TITLE, fontweight="bold")
    for each in drawn.legends:
        each.set_bbox_to_anchor((MARGIN, 1 - above / outer), drawn.transFigure)
    drawn.text(MARGIN, 0.3 * FOOT / outer, note, ha="left", va="bottom", fontsize=FOOT, color="#444444")
    drawn.set_layout_engine("constrained", rect=(0, below / outer, 1, (outer - above - legend - below) / outer))


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
