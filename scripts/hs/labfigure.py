# SPDX-License-Identifier: MIT
"""labfigure.py - draw measurements of a lab as a bar chart (SVG), for the lab's figures.py.

A figures.py selects rows and settings; this module reads the data, checks it and draws. A Figure is one of

    bench(TITLE, rows=[...], series={NAME: SETTING})    from scripts/hyperscope bench --csv: SETTING is "" (default),
                                                        toggles ("fp=eager fastpath=off"), or a system
    events(TITLE, column, series={NAME: CSV})           from hstrace export --to csv: counts of each value
    table(TITLE, unit)                                  from any CSV file: a name and numbers on each line

A figures.py calls main(__doc__, FOLDER, Figure...). labs/README.md shows an example.
"""
import collections
import csv
import math
import os
import sys
from typing import NamedTuple
from xml.sax.saxutils import escape

from hs.bench import report
from hs.bench.rows import BY_NAME, relevant
from hs.bench.systems import SYSTEMS
from hs.drawing import LINE, DrawingError, Figure, width_of
from hs.errors import LaunchError
from hs.paths import TOP
from hs.toggles import check_toggles

WIDTH, MARGIN, BAR, GAP = 720, 16, 16, 12
LABEL_MOST = 260
VALUE_ROOM = 110
# Colors that color-blind readers can distinguish: those of Okabe and Ito that suit light and dark pages, and a gray.
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#808080", "#56b4e9")


class Wrong(Exception):
    """An error whose one-sentence text is shown to the student unchanged."""


class Bars(NamedTuple):
    """Data to draw: groups is {row: {series: number or None}}, unit is that of the axis, and note is text below the bars.

    A row has no bar for a series that is missing from its dictionary. None means not measured."""
    groups: dict
    unit: str
    note: str


class Given(NamedTuple):
    """A figure that figures.py requests. read(paths) returns its Bars."""
    title: str
    files: tuple
    svg: str
    read: object


# ---- drawing ----


def number(value):
    return "%.0f" % value if value >= 100 or value == int(value) else "%.1f" % value


def steps(most):
    """Return the ticks of the axis, from 0 to at least MOST. They are 1, 2 or 5 times a power of ten apart."""
    if most <= 0:
        return [0, 1]
    power = 10 ** math.floor(math.log10(most / 4))
    step = next(power * n for n in (1, 2, 5, 10) if power * n * 5 >= most)
    return [step * n for n in range(math.ceil(most / step - 1e-9) + 1)]


def shortened(text, most):
    while width_of(text) > most:
        text = text[:-2] + "…"
    return text


def wrapped(text, most):
    lines = [""]
    for word in text.split():
        longer = (lines[-1] + " " + word).strip()
        lines[len(lines) - (width_of(longer) <= most):] = [longer] if width_of(longer) <= most else [word]
    return [line for line in lines if line]


def value_text(values, name, first):
    """Return a bar's label: its value and, except for the first series, the ratio to the first series' value."""
    value, base = values.get(name), values.get(first)
    if value is None:
        return "not measured"
    return number(value) + (" (×%.2f)" % (value / base) if base and name != first else "")


def legend(fig, names, y):
    x = MARGIN
    for at, name in enumerate(names):
        if x + 18 + width_of(name) > WIDTH - MARGIN and x > MARGIN:
            x, y = MARGIN, y + LINE
        fig.under.append('<rect class="s%d" x="%g" y="%g" width="12" height="12"/>' % (at, x, y - 11))
        fig.text(x + 18, y, name)
        x += 18 + width_of(name) + 20
    return y


def axis(fig, left, top, bottom, ends, scale, unit):
    for end in ends:
        x = left + end * scale
        fig.under.append('<path class="arrow" opacity="%s" d="M%.1f %gV%g"/>'
                         % ("1" if end == 0 else "0.2", x, top, bottom))
        fig.text(x, bottom + 16, number(end) if end >= 1 or end == 0 else "%g" % end, "middle", faint=True)
    fig.text(left, bottom + 16 + LINE, unit, faint=True)


def draw(title, bars):
    """Return the SVG as text."""
    names = list(dict.fromkeys(name for values in bars.groups.values() for name in values))
    shown = sum(map(len, bars.groups.values()))
    if len(names) > len(COLORS):
        raise Wrong("%d bars per row are too many to distinguish: draw at most %d" % (len(names), len(COLORS)))
    values = [value for row in bars.groups.values() for value in row.values() if value is not None]
    if not values:
        raise Wrong("no row has a measured value, so there is nothing to draw")
    if min(values) < 0:
        raise Wrong("%s is below zero: bars begin at zero" % number(min(values)))
    left = MARGIN + 12 + min(LABEL_MOST, max(width_of("`%s`" % row) for row in bars.groups))
    ends = steps(max(values))
    scale = (WIDTH - left - VALUE_ROOM) / ends[-1]
    heads, feet = wrapped("*" + title, WIDTH - 2 * MARGIN), wrapped(bars.note, WIDTH - 2 * MARGIN)
    fig = Figure(title, WIDTH, 0)
    for at, line in enumerate(heads):
        fig.text(MARGIN, 26 + at * LINE, line if line.startswith("*") else "*" + line)
    top = legend(fig, names, 30 + len(heads) * LINE) + GAP
    bottom = top + GAP + shown * BAR + len(bars.groups) * GAP
    axis(fig, left, top, bottom, ends, scale, bars.unit)
    y = top + GAP
    for row, group in bars.groups.items():
        label = shortened("`%s`" % row, LABEL_MOST)
        fig.text(left - 10, y + len(group) * BAR / 2 + 4, label if label.endswith("`") else label + "`", "end")
        for at, name in enumerate(names):
            if name not in group:
                continue
            length = (group.get(name) or 0) * scale
            fig.under.append('<rect class="s%d" x="%g" y="%g" width="%.2f" height="%g"><title>%s</title></rect>'
                             % (at, left, y, length, BAR - 2, escape("%s, %s" % (row, name))))
            fig.text(left + length + 6, y + BAR - 4, value_text(group, name, names[0]), faint=group.get(name) is None)
            y += BAR
        y += GAP
    foot = bottom + 16 + 2 * LINE + 6
    for at, line in enumerate(feet):
        fig.text(MARGIN, foot + at * LINE, line, faint=True)
    fig.height = foot - 6 + len(feet) * LINE
    fig.names.clear()  # names are checked against the sources only in figures of the docs
    try:
        fig.check(None)
    except DrawingError as error:
        raise Wrong(str(error)) from None
    fig.under.insert(0, "<style>%s</style>" % "".join(".s%d{fill:%s}" % pair for pair in enumerate(COLORS)))
    return fig.svg()


# ---- reading ----


def lines_of(path):
    """Return the lines of a CSV file as dictionaries."""
    with open(path, encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        found = list(reader)
    if not found or None in reader.fieldnames:
        raise Wrong("%s has no line after its header" % path)
    return found


def check(rows, series):
    """Raise Wrong if a row or a setting does not exist."""
    for row in rows:
        if row not in BY_NAME:
            raise Wrong("the bench has no row '%s'; scripts/hyperscope bench --list shows the rows" % row)
    for setting in series.values():
        words = [] if setting in SYSTEMS else setting.split()
        try:
            check_toggles(TOP, [word for word in words if not word.startswith(("trace=", "exitstat="))], "series")
        except LaunchError as error:
            raise Wrong(str(error)) from None


def can_differ(row, setting):
    """Return whether a setting can change a row. If not, the bench measures the row only without the setting."""
    toggles = [] if setting in SYSTEMS else [word.split("=")[0] for word in setting.split()]
    return not toggles or any(row in relevant(toggle) for toggle in toggles)


def bench(title, rows, series, source="measured.csv", svg="figure.svg", cpu="rv64", statistic="p50"):
    """Request a figure of rows of the bench, with a bar for each setting."""
    def read(paths):
        check(rows, series)
        try:
            measured = report.read_csv(paths[0])
        except ValueError as error:
            raise Wrong("%s: %s" % (paths[0], error)) from None
        figures = report.Figures(measured, cpu, statistic)
        groups = {}
        for row in rows:
            values = {name: figures.value(setting, row) if setting in SYSTEMS else
                      figures.value("hyperscope", row, setting) for name, setting in series.items()}
            groups[row] = {name: value for name, value in values.items()
                           if value is not None or can_differ(row, series[name])}
            if all(value is None for value in groups[row].values()):
                raise Wrong("%s has no figure for row '%s' with any of the settings %s on cpu %s" % (
                    paths[0], row, ", ".join("'%s'" % (word or "default") for word in series.values()), cpu))
        first = next(line for line in measured if line["exit"] == rows[0])
        shown = sorted({line["n"] for line in measured if line["exit"] in rows}, key=int)
        exact = "counted, and the same in each run" if first["unit"] == "instructions" else "time, different in each run"
        return Bars(groups, first["unit"] + " per operation", "%s of n = %s operations, %s; -cpu %s, QEMU %s, %s" % (
            "median" if statistic == "p50" else statistic, " or ".join(shown), exact, cpu, first["qemu"],
            first["compiler"]))
    return Given(title, (source,), svg, read)


def events(title, column, series, svg="figure.svg", where=None, unit="events"):
    """Request a figure that counts the lines with each value of a column, with a bar for each file. If `where`,
    {COLUMN: VALUE}, is given, only lines that match it count."""
    def read(paths):
        counted = {}
        for name, path in zip(series, paths):
            lines = lines_of(path)
            for key in [column] + list(where or {}):
                if key not in lines[0]:
                    raise Wrong("%s has no column '%s'; its columns: %s" % (path, key, ", ".join(lines[0])))
            counted[name] = collections.Counter(
                line[column] for line in lines
                if line[column] and all(line[key] == value for key, value in (where or {}).items()))
        total = sum(counted.values(), collections.Counter())
        return Bars({value: {name: counted[name][value] for name in series} for value, _ in total.most_common()},
                    unit, "%d events in the trace" % sum(total.values()))
    return Given(title, tuple(series.values()), svg, read)


def table(title, unit, source="measured.csv", svg="figure.svg", note=""):
    """Request a figure from any CSV file. Its first line names the columns; the first column contains the rows' names."""
    def read(paths):
        groups = {}
        for line in lines_of(paths[0]):
            (_, name), *cells = line.items()
            try:
                groups[name] = {key: float(cell) if cell else None for key, cell in cells}
            except (TypeError, ValueError):
                raise Wrong("%s: the line of '%s' contains a value that is not a number: %s" % (
                    paths[0], name, ", ".join(str(cell) for _, cell in cells))) from None
        return Bars(groups, unit, note)
    return Given(title, (source,), svg, read)


# ---- the command ----


def main(doc, folder, *figures):
    """Draw the figures; files are read from and written to FOLDER. Return the exit status."""
    words = sys.argv[1:]
    if words and words[0] in ("-h", "--help"):
        print(doc.strip())
        return 0
    if words:
        sys.stderr.write("figures.py: unknown argument '%s'; see figures.py --help\n" % words[0])
        return 2
    for figure in figures:
        paths = [os.path.relpath(os.path.join(folder, name)) for name in figure.files]
        target = os.path.relpath(os.path.join(folder, figure.svg))
        try:
            made = draw(figure.title, figure.read(paths))
            with open(target, "w", encoding="utf-8") as file:
                file.write(made)
        except Wrong as error:
            sys.stderr.write("figures.py: %s\n" % error)
            return 1
        except OSError as error:
            sys.stderr.write("figures.py: %s: %s\n" % (error.filename, error.strerror))
            return 1
        print("figure: %s" % target)
    return 0
