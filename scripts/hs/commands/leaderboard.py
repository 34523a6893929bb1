# SPDX-License-Identifier: MIT
"""leaderboard - who needs the fewest instructions in the labs' contest.

Each FILE was written by `scripts/hyperscope grade --submission ... --json FILE`.
Shown is the ratio to the reference, which that grading has measured itself. A
submission with which a guest finds something wrong has no place.
"""
import json
import os

from hs.errors import STATUS_USAGE, LaunchError
from hs.parser import of_command

LINE = "%4s  %-36.36s %6s %13s %8s"


def read(path):
    """(ratio, instructions, student, score) of one grading; its ratio is None without a place."""
    try:
        with open(path, encoding="utf-8") as file:
            grade = json.load(file)
        ratio, instructions = grade["place"] or (None, None)
        name = "".join(c if c.isprintable() else "?" for c in grade["student"]) or os.path.basename(path)
        return ratio, instructions, name, "%d/%d" % (grade["score"], grade["most"])
    except OSError as error:
        raise LaunchError("%s: %s" % (path, error.strerror), STATUS_USAGE) from None
    except (ValueError, LookupError, TypeError, AttributeError):
        raise LaunchError("%s: scripts/hyperscope grade --json has not written that" % path, STATUS_USAGE) from None


def lines(found):
    """Equal ratios share a place."""
    yield LINE % ("", "student", "ratio", "instructions", "points")
    placed = sorted(entry for entry in found if entry[0] is not None)
    for entry in placed:
        first = next(at for at, other in enumerate(placed, 1) if other[0] == entry[0])
        yield LINE % (first, entry[2], "%.4f" % entry[0], "%.1f" % entry[1], entry[3])
    for entry in sorted((entry for entry in found if entry[0] is None), key=lambda entry: entry[2]):
        yield LINE % ("-", entry[2], "-", "-", entry[3])


def main(argv):
    parser = of_command("leaderboard", __doc__, epilog="exit status: 0; 2 wrong use, or a file is no grading")
    parser.add_argument("files", metavar="FILE", nargs="+", help="one for each submission")
    print("\n".join(lines([read(path) for path in parser.parse_args(argv).files])))
    return 0
