# SPDX-License-Identifier: MIT
"""figures - plot the CSV files in notebooks-data, or update the docs' numbers.

Nothing is measured here. The axes of each figure name the units; the caption
names the tools, the number of measurements and their uncertainty. Plotting
needs only matplotlib (run scripts/hyperscope setup figures), and --docs does
not need it. --docs writes the measured values into the tables and sentences of
the docs, and draws docs/figures/NAME.svg from docs/figures/NAME.py.
"""
import os
import sys

from hs import layout
from hs.errors import LaunchError
from hs.parser import of_command
from hs.paths import TOP
from hs.plots import FORMATS, library

NUMBERS = "numbers"  # with --docs, selects the numbers; no drawing has this name
EXAMPLES = """\
examples:
  scripts/hyperscope figures                 plot all into OUT/figures
                                             (make figures)
  scripts/hyperscope figures exit-latency --format svg,png
  scripts/hyperscope figures --data build/mine --cpu max exit-latency
  scripts/hyperscope figures --docs          update numbers and drawings
  scripts/hyperscope figures --docs --check  check that they are current
  scripts/hyperscope figures --screenshots   renew the screenshots
exit status: 0 drawn (figures without data are reported and skipped); 1 a page
or a drawing of the docs is not current, or cannot be made; 2 usage error; 125
not drawn
"""


def parse(words):
    parser = of_command("figures", __doc__, epilog=EXAMPLES)
    parser.add_argument("names", metavar="NAME", nargs="*",
                        help="figures to plot (default: all; see --list); with --docs: 'numbers', or names of drawings")
    parser.add_argument("--docs", action="store_true", help="update the numbers and drawings of the docs")
    parser.add_argument("--check", action="store_true", help="with --docs: write nothing, list what is not current")
    parser.add_argument("--screenshots", action="store_true",
                        help="run a guest, and make README's pictures of a terminal and of the report")
    parser.add_argument("--list", action="store_true", help="list the figures")
    parser.add_argument("--data", metavar="FOLDER", default=os.path.join(TOP, "notebooks-data"),
                        help="folder of the CSV files (notebooks-data)")
    parser.add_argument("--cpu", metavar="NAME", default="rv64", help="processor whose measurements to plot (rv64)")
    parser.add_argument("--format", metavar="NAMES", default="svg", help="svg (default), png, pdf, or several, comma-separated")
    parser.add_argument("--to", metavar="FOLDER", help="output folder for the figures (OUT/figures)")
    parser.add_out()
    options = parser.parse_args(words)
    if options.check and not options.docs:
        parser.error("--check needs --docs")
    if options.screenshots and (options.docs or options.names):
        parser.error("--screenshots takes no NAME, and is not part of --docs")
    options.formats = options.format.split(",")
    for name in options.formats:
        if name not in FORMATS:
            parser.error("--format %s: must be svg, png or pdf" % name)
    options.to = options.to or os.path.join(options.out, "figures")
    return options


def docs(options):
    """Update the numbers in the pages, and the drawings: all, or only those named.

    Return 1 if a drawing cannot be made, or if --check finds a page or a drawing that is not current.
    """
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
    if options.screenshots:
        from hs.docs import screenshots
        return screenshots.write(options.out)
    library()
    from hs.plots import data, registry, style
    if options.list:
        for name, plot in registry.PLOTS.items():
            print(layout.row("%-18s" % name, plot.what))
        return 0
    unknown = [name for name in options.names if name not in registry.PLOTS]
    if unknown:
        raise LaunchError("there is no figure '%s'; known figures: %s" % (unknown[0], ", ".join(registry.PLOTS)), 2)
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
