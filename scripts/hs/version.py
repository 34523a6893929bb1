# SPDX-License-Identifier: MIT
"""version.py - print the version of this tree: the file VERSION, and the commit if it is known."""
import os

from hs.bench import provenance
from hs.errors import STATUS_USAGE, LaunchError
from hs.paths import TOP

PREFIX = "hyperscope"  # of error messages


def line():
    """Return the line to print, for example `hyperscope 0.1.0-dev (b714985)`."""
    try:
        with open(os.path.join(TOP, "VERSION"), encoding="ascii") as file:
            version = file.read().strip()
    except OSError as error:
        raise LaunchError("cannot read %s: %s" % (error.filename, error.strerror)) from None
    name = provenance.described()
    return "hyperscope %s%s" % (version, " (%s)" % name if name else "")


def main(argv):
    if argv:
        raise LaunchError("--version takes no argument, not '%s'" % argv[0], STATUS_USAGE)
    print(line())
    return 0
