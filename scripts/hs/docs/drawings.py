# SPDX-License-Identifier: MIT
"""drawings.py - make the drawings in the docs: docs/figures/NAME.svg from docs/figures/NAME.py.

Each drawing is also checked, whether it is written or not: words have to fit, elements must not overlap,
and names shown as code have to be in the drawing's sources. The .py file defines figure(), which returns
a Figure (scripts/hs/drawing.py).
"""
import glob
import os
import runpy
import sys

from hs.drawing import DrawingError
from hs.errors import STATUS_USAGE, LaunchError
from hs.paths import TOP

FOLDER = os.path.join(TOP, "docs", "figures")
LARGEST = 60 * 1024


def source(path):
    try:
        with open(os.path.join(TOP, path), encoding="utf-8") as file:
            return file.read()
    except OSError as error:
        raise DrawingError("cannot read the source %s: %s" % (path, error.strerror)) from error


def drawn(name):
    figure = runpy.run_path(os.path.join(FOLDER, name + ".py"))["figure"]()
    figure.check(source)
    svg = figure.svg()
    if len(svg.encode()) > LARGEST:
        raise DrawingError("the drawing has %d bytes; at most %d are allowed" % (len(svg.encode()), LARGEST))
    return svg


def write(names, check):
    """Write the drawings NAMES (default: all). check: write nothing, but report stale drawings. Return 1 if any
    drawing is bad or stale, else 0."""
    known = sorted(os.path.basename(path)[:-3] for path in glob.glob(FOLDER + "/*.py"))
    for name in names:
        if name not in known:
            raise LaunchError("there is no drawing '%s'; known drawings: %s" % (name, " ".join(known)), STATUS_USAGE)
    bad = 0
    for name in names or known:
        path = os.path.join(FOLDER, name + ".svg")
        try:
            svg = drawn(name)
        except DrawingError as error:
            sys.stderr.write("docs/figures/%s.py: %s\n" % (name, error))
            bad = 1
            continue
        if not check:
            with open(path, "w", encoding="utf-8") as out:
                out.write(svg)
        elif not os.path.exists(path) or source(path) != svg:
            print("docs/figures/%s.svg is not current: run scripts/hyperscope figures --docs" % name)
            bad = 1
    return bad
