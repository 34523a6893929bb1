# SPDX-License-Identifier: MIT
"""flamegraph - a flame graph out of folded stacks: one SVG for the browser.

Each line of FILE, or of what comes in, is a stack and how often it was met:

    host kernel;exit_sbi;sbi_call 4711

Click a frame to zoom, search for a name; arrows, Enter, Esc, / and n do the
same without a mouse.
"""
import os
import sys

from hs.errors import STATUS_USAGE, LaunchError
from hs.flame import folded, svg
from hs.parser import of_command

DEEPEST = 200


def parse(argv):
    parser = of_command("flamegraph", __doc__, epilog="exit status: 0; 2 wrong use, or no stack in it; 125 it could not be done")
    parser.add_argument("file", metavar="FILE", nargs="?", default="-",
                        help="folded stacks; - or nothing: what comes in")
    parser.add_argument("--svg", "--out", metavar="FILE", default="-", dest="out", help="where the SVG goes (standard output)")
    parser.add_argument("--title", metavar="TEXT", default="", help="above it (FILE's name)")
    parser.add_argument("--unit", metavar="WORD", default="samples", help="what is counted (samples)")
    parser.add_argument("--note", metavar="TEXT", default="", help="one more line, e.g. of what run")
    parser.add_argument("--icicle", action="store_true", help="the outermost frame on top")
    parser.add_argument("--least", metavar="PIXELS", type=float, default=0.1,
                        help="do not draw frames that are narrower, of 1200 (0.1; 0: draw all)")
    parser.add_argument("--depth", metavar="N", type=int, default=DEEPEST,
                        help="frames of a stack; deeper ones count for their caller (%d)" % DEEPEST)
    options = parser.parse_args(argv)
    if options.depth < 1 or options.least != options.least or options.least < 0:
        parser.error("--depth is at least 1, --least at least 0")
    return options


def read(name):
    source = "what came in" if name == "-" else name
    try:
        with open(sys.stdin.fileno() if name == "-" else name, encoding="utf-8",
                  errors="replace") as lines:
            stacks = folded.read(lines, source)
    except OSError as error:
        raise LaunchError("%s: %s" % (source, error.strerror), STATUS_USAGE) from None
    if not sum(stacks.values()):
        raise LaunchError("%s: there is no stack in it" % source, STATUS_USAGE)
    return stacks


def write(text, name):
    try:
        with open(sys.stdout.fileno() if name == "-" else name, "w", encoding="utf-8",
                  newline="\n") as out:
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
