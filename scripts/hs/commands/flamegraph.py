# SPDX-License-Identifier: MIT
"""flamegraph - draw a flame graph from folded stacks, as one SVG for the browser.

Each line of FILE, or of standard input, is a stack and its number of samples:

    host kernel;exit_sbi;sbi_call 4711

In the browser, click a frame to zoom, or search for a name. Arrow keys, Enter,
Esc, / and n do the same without a mouse.
"""
import os
import sys

from hs import output
from hs.errors import STATUS_USAGE, LaunchError
from hs.flame import folded, svg
from hs.parser import of_command, positive

DEEPEST = 200


def parse(argv):
    parser = of_command("flamegraph", __doc__, epilog="exit status: 0; 2 usage error, or no stack in FILE; 125 other failure")
    parser.add_argument("file", metavar="FILE", nargs="?", default="-",
                        help="file of folded stacks (standard input, also for -)")
    parser.add_argument("--svg", "--out", metavar="FILE", default="-", dest="out", help="write the SVG to FILE (standard output)")
    parser.add_argument("--title", metavar="TEXT", default="", help="title of the graph (the name of FILE)")
    parser.add_argument("--unit", metavar="WORD", default="samples", help="unit of the counts (samples)")
    parser.add_argument("--note", metavar="TEXT", default="", help="additional line of text, for example to describe the run")
    parser.add_argument("--icicle", action="store_true", help="draw the outermost frame at the top")
    parser.add_argument("--least", metavar="PIXELS", type=float, default=0.1,
                        help="omit frames narrower than this, of a width of 1200 (0.1; 0: omit none)")
    parser.add_argument("--depth", metavar="N", type=positive, default=DEEPEST,
                        help="maximum depth; deeper frames are added to their caller (%d)" % DEEPEST)
    options = parser.parse_args(argv)
    if not options.least >= 0:  # also true for NaN
        parser.error("--least %g: must be a number of at least 0" % options.least)
    if os.path.isfile(options.out) and os.path.exists(options.file) and os.path.samefile(options.file, options.out):
        parser.error("--svg %s: is the input" % options.out)
    return options


def read(name):
    source = "standard input" if name == "-" else name
    try:
        with open(sys.stdin.fileno() if name == "-" else name, encoding="utf-8",
                  errors="replace") as lines:
            stacks = folded.read(lines, source)
    except OSError as error:
        raise LaunchError("%s: %s" % (source, error.strerror), STATUS_USAGE) from None
    if not sum(stacks.values()):
        raise LaunchError("%s contains no stack" % source, STATUS_USAGE)
    return stacks


def write(text, name):
    try:
        if name == "-":
            with open(sys.stdout.fileno(), "w", encoding="utf-8", newline="\n") as out:
                out.write(text)
        else:
            with output.create(name) as out:
                out.write(text)
    except OSError as error:
        raise LaunchError("%s: %s" % ("output" if name == "-" else name, error.strerror)) from None


def main(argv):
    options = parse(argv)
    title = options.title or ("stacks" if options.file == "-" else os.path.basename(options.file))
    picture = svg.Picture(folded.tree(read(options.file), options.depth), title, options.unit,
                          options.note, options.icicle, options.least)
    write(picture.text(), options.out)
    return 0
