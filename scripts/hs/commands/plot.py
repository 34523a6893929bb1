# SPDX-License-Identifier: MIT
"""plot - plot the results of a sweep, or of the benchmark, in one command.

Nothing is measured. A point of the figure is one measurement or the
repetitions of one. Results that would make the figure wrong are refused: failed
jobs, different units on one axis, several measurements at one point, and times
of different jobs. The foot states n, the spread, and the versions.
docs/sweep.md has the details. `figures` draws the figures of this tree's data.
"""
import os
import re
import warnings

from hs.errors import LaunchError
from hs.parser import of_command, readable
from hs.plots import FORMATS, library
from hs.run import machine

CM = 2.54
SIZES = {"column": 8.5, "page": 17.8}   # cm
LEAST_WIDTH, MOST_SIZE = 6, 100         # cm
SHOWN = 68       # with --list: characters of a column's name and values together
EXAMPLES = """\
examples:
  scripts/hyperscope plot --sweep notebooks-data/smp-scale.csv --list
  scripts/hyperscope plot --sweep notebooks-data/smp-scale.csv \\
    --x vcpus --y fork_exec_200 --by system
  scripts/hyperscope plot --sweep build/sweeps/walkers/results.csv --x name \\
    --y fault_4k_present,dirty_split --by gstage_walk \\
    --where gstage_huge=on --size column --format pdf,svg -o walkers
  scripts/hyperscope plot --bench notebooks-data/exit-latency.csv --x name \\
    --y 'sbi_*' --by system --where cpu=rv64 --where toggles=default \\
    --relative-to system=linux
exit status: 0 drawn; 2 usage error, or no such file, column, value or result;
125 not drawn: the file is damaged, or a number would be wrong
"""


def new_parser():
    parser = of_command("plot", __doc__, epilog=EXAMPLES)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--sweep", metavar="CSV", type=readable, help="plot results.csv of a sweep")
    source.add_argument("--bench", metavar="CSV", type=readable, help="plot a CSV of bench or bench-apps")
    parser.add_argument("--list", action="store_true", help="list the columns, their values and the results; draw nothing")
    parser.add_argument("--x", metavar="COLUMN", help="parameter, or 'name': one group for each result")
    parser.add_argument("--y", metavar="RESULT,...", action="append", default=[],
                        help="names or patterns of results; unless --x or --by is 'name', each result has a panel")
    parser.add_argument("--by", metavar="COLUMN,...", action="append", default=[],
                        help="columns whose values are the series")
    parser.add_argument("--where", metavar="COLUMN=VALUE,...", action="append", default=[],
                        help="use only lines with one of these values or patterns")
    parser.add_argument("--relative-to", metavar="COLUMN=VALUE", help="plot ratios to the values that have VALUE in COLUMN")
    parser.add_argument("--statistic", choices=("median", "mean", "min", "max"), default="median",
                        help="statistic of the repetitions to draw (default: median); whiskers show the spread")
    parser.add_argument("--skip-failed", action="store_true", help="leave out failed jobs, and name them in the foot")
    parser.add_argument("--kind", choices=("bars", "points", "lines"),
                        help="marks: lines if --x has numbers, else bars; with --log y, points instead of bars")
    parser.add_argument("--log", metavar="AXES", default="", help="logarithmic axes: x (the axis of --x), y (the axis of values), or x,y")
    parser.add_argument("--title", metavar="TEXT", help="title of the figure; '' omits it")
    parser.add_argument("--size", metavar="SIZE", default="", help="in cm: WIDTHxHEIGHT or WIDTH; column (8.5) or page (17.8)")
    parser.add_argument("--format", metavar="NAMES", help="svg (default), png, pdf, or several, comma-separated")
    parser.add_argument("-o", "--output", metavar="FILE", help="file to write (OUT/figures/plot.svg)")
    parser.add_out()
    return parser


def size_of(parser, text):
    """Return (width, height or None) in inches, or None for the default size."""
    if not text:
        return None
    found = re.fullmatch(r"(column|page|[0-9]+(?:\.[0-9]+)?)(?:x([0-9]+(?:\.[0-9]+)?))?", text)
    if not found:
        parser.error("--size %s: must be WIDTH or WIDTHxHEIGHT in cm, column or page" % text)
    width = SIZES.get(found.group(1)) or float(found.group(1))
    height = float(found.group(2)) if found.group(2) else None
    if not LEAST_WIDTH <= width <= MOST_SIZE or height is not None and not 0 < height <= MOST_SIZE:
        parser.error("--size %s: the width must be %d to %d cm, and the height at most %d cm"
                     % (text, LEAST_WIDTH, MOST_SIZE, MOST_SIZE))
    return width / CM, height and height / CM


def paths_of(parser, options):
    """Return (path without suffix, formats)."""
    path = options.output or os.path.join(options.out, "figures", "plot")
    if not os.path.basename(path):
        parser.error("--output %s: is not the name of a file" % options.output)
    stem, _, suffix = path.rpartition(".")
    named = suffix if suffix in FORMATS and os.path.basename(stem) else ""
    formats = options.format.split(",") if options.format is not None else [named or "svg"]
    for name in formats:
        if name not in FORMATS:
            parser.error("--format %s: must be svg, png or pdf" % name)
    if options.output is not None and not options.format and not named:
        parser.error("--output %s: must end in .svg, .png or .pdf, or give --format" % options.output)
    if named and named not in formats:
        parser.error("--output %s: its format is not among --format %s" % (options.output, options.format))
    stem = stem if named else path
    if options.output is not None:
        for name in formats:
            parser.written("--output", "%s.%s" % (stem, name))
    return stem, formats


def pairs(parser, option, words):
    found = []
    for word in words:
        column, equals, value = word.partition("=")
        if not column or not equals:
            parser.error("%s %s: must be COLUMN=VALUE" % (option, word))
        found.append((column, value))
    return found


def parse(words):
    parser = new_parser()
    options = parser.parse_args(words)
    options.size = size_of(parser, options.size)
    options.stem, options.formats = paths_of(parser, options)
    options.where = pairs(parser, "--where", options.where)
    options.base = pairs(parser, "--relative-to", [options.relative_to] if options.relative_to is not None else [])
    options.log = options.log.split(",") if options.log else []
    if not set(options.log) <= {"x", "y"}:
        parser.error("--log %s: must be x, y or x,y" % ",".join(options.log))
    if not options.list and not (options.x and options.y):
        parser.error("give --x and --y; --list shows the columns and results")
    return options


def list_contents(table):
    """Print the columns with their values, and the results with their units."""
    width = max(map(len, table.columns + ("name",)))
    for column in table.columns:
        values = [value or "(none)" for value in dict.fromkeys(line[column] for line in table.lines)]
        text = ", ".join(values)
        if len(text) > SHOWN - width:
            text = "%d values: " % len(values) + text if len(values) > 1 else text
            text = text[:SHOWN - width] + "..."
        print("%-*s  %s" % (width, column, text))
    print("\n%-32s %8s  %s" % ("name", "values", "unit"))
    counts = {}
    for line in table.lines:
        if line["status"] == "ok" and line["name"]:
            key = line["name"], line["unit"]
            counts[key] = counts.get(key, 0) + 1
    for (name, unit), count in counts.items():
        print("%-32s %8d  %s" % (name, count, unit or "(none)"))
    failed = sum(line["status"] != "ok" for line in table.lines)
    if failed:
        print("\n%d lines of failed jobs" % failed)


def main(argv):
    options = parse(argv)
    library()
    from hs.plots import chart, results, selection, style
    table = results.sweep(options.sweep) if options.sweep is not None else results.bench(options.bench)
    if options.list:
        list_contents(table)
        return 0
    names = {line["name"] for line in table.lines}
    request = selection.Request(
        options.x, tuple(name for text in options.y for name in selection.split(text, names)),
        tuple(dict.fromkeys(column for text in options.by for column in text.split(","))),
        tuple((column, selection.split(text, {line.get(column) for line in table.lines})) for column, text in options.where),
        tuple(options.base[0]) if options.base else (), options.statistic, options.skip_failed)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # matplotlib's: it cannot lay out or write some of the figure
            drawn = chart.draw(table, request, options.kind, options.log, options.title, options.size or (style.WIDTH, None))
            paths = style.save(drawn, os.path.basename(options.stem), os.path.dirname(options.stem) or ".", options.formats)
    except (style.PlotError, UserWarning) as error:
        raise LaunchError("%s; try another --size, or other names and titles" % str(error).rstrip(".")) from None
    print("\n".join(map(machine.shown, paths)))
    return 0
