# SPDX-License-Identifier: MIT
"""figures - draws what was measured, of the CSVs in notebooks-data, and writes the docs' numbers.

Nothing is measured here. Each figure says on its axes in which unit, and below
it with what, how often and how exactly it was measured. matplotlib is all that
it needs (scripts/hyperscope setup figures). --docs needs none: it writes what
was measured into the pages' tables and sentences, and draws
docs/figures/NAME.svg from docs/figures/NAME.py.
"""
import os
import sys

from hs.errors import LaunchError
from hs.parser import of_command
from hs.paths import TOP

NUMBERS = "numbers"  # of --docs: no drawing has this name
EXAMPLES = """\
examples:
  scripts/hyperscope figures             all, into OUT/figures (make figures)
  scripts/hyperscope figures exit-latency --format svg,png
  scripts/hyperscope figures --data build/reproduce --cpu max exit-latency
  scripts/hyperscope figures --docs      the docs' numbers and drawings, written
  scripts/hyperscope figures --docs --check  are they current?
exit status: 0 drawn (a figure that has no data yet is said and skipped);
1 a page or a drawing of the docs is not current; 2 wrong use; 125 not drawn
"""


def parse(words):
    parser = of_command("figures", __doc__, epilog=EXAMPLES)
    parser.add_argument("names", metavar="NAME", nargs="*", help="figures (all); --list has them; with --docs: numbers, or drawings")
    parser.add_argument("--docs", action="store_true", help="write the docs' numbers, and their drawings")
    parser.add_argument("--check", action="store_true", help="with --docs: write nothing, say what is not current")
    parser.add_argument("--list", action="store_true", help="say which figures there are")
    parser.add_argument("--data", metavar="FOLDER", default=os.path.join(TOP, "notebooks-data"),
                        help="where the CSVs are (notebooks-data)")
    parser.add_argument("--cpu", metavar="NAME", default="rv64", help="which processor's figures (rv64)")
    parser.add_argument("--format", metavar="NAMES", default="svg", help="svg, png, pdf; several with commas (svg)")
    parser.add_argument("--to", metavar="FOLDER", help="where to write (OUT/figures)")
    parser.add_out()
    options = parser.parse_args(words)
    if options.check and not options.docs:
        parser.error("--check is of --docs")
    options.formats = options.format.split(",")
    for name in options.formats:
        if name not in ("svg", "png", "pdf"):
            parser.error("--format %s: it is svg, png or pdf" % name)
    options.to = options.to or os.path.join(options.out, "figures")
    return options


def library():
    """The figures and what draws them, or what to do to have it."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise LaunchError("this Python (%s) has no matplotlib: scripts/hyperscope setup figures installs it"
                          % sys.executable) from None
    from hs.plots import data, registry, style
    return data, registry, style


def docs(options):
    """The numbers in the pages, and the drawings: all, or those that are named."""
    from hs.docs import drawings, numbers
    named = [name for name in options.names if name != NUMBERS]
    stale = 0
    if NUMBERS in options.names or not options.names:
        try:
            stale = numbers.write(options.check)
        except (numbers.FiguresError, OSError, ValueError) as error:
            raise LaunchError(str(error), 1) from None
    if named or not options.names:
        stale = drawings.write(named, options.check) or stale
    return stale


def main(argv):
    options = parse(argv)
    if options.docs:
        return docs(options)
    data, registry, style = library()
    if options.list:
        for name, plot in registry.PLOTS.items():
            print("%-18s%s" % (name, plot.what))
        return 0
    unknown = [name for name in options.names if name not in registry.PLOTS]
    if unknown:
        raise LaunchError("there is no figure '%s'; there are %s" % (unknown[0], ", ".join(registry.PLOTS)), 2)
    drawn = 0
    for name in options.names or registry.PLOTS:
        try:
            paths = style.save(registry.PLOTS[name].draw(options.data, options.cpu), name, options.to, options.formats)
        except data.Absent as error:
            sys.stderr.write("figures: %s: skipped: %s\n" % (name, error))
            continue
        except style.PlotError as error:
            raise LaunchError(str(error)) from None
        drawn += 1
        print("\n".join(paths))
    return 0 if drawn and drawn >= len(options.names) else 125
