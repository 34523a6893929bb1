# SPDX-License-Identifier: MIT
"""leaderboard - rank the submissions of the contest by instructions.

Each FILE was written by `scripts/hyperscope grade --submission ... --json
FILE`. The ratio is relative to the reference solution, which was measured
during the same grading. A submission that fails a correctness test is not
measured and is not ranked.
"""
import json
import math
import os

from hs.errors import STATUS_USAGE, LaunchError
from hs.parser import of_command

LINE = "%4s  %-36.36s %6s %13s %8s"


def read(path):
    """Return (ratio, instructions, student, score) of one grading. The first two are None if the submission is not ranked."""
    try:
        with open(path, encoding="utf-8") as file:
            grade = json.load(file)
        ratio, instructions = map(float, grade["place"]) if grade["place"] else (None, None)
        if grade["place"] and not (math.isfinite(ratio) and math.isfinite(instructions)):
            raise ValueError
        name = "".join(c if c.isprintable() else "?" for c in grade["student"]) or os.path.basename(path)
        return ratio, instructions, name, "%d/%d" % (grade["score"], grade["most"])
    except OSError as error:
        raise LaunchError("%s: %s" % (path, error.strerror), STATUS_USAGE) from None
    except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError):
        raise LaunchError("%s: not written by scripts/hyperscope grade --json" % path, STATUS_USAGE) from None


def lines(found):
    """Yield the lines of the table. Submissions with equal ratios share a place."""
    yield LINE % ("", "student", "ratio", "instructions", "points")
    placed = sorted(entry for entry in found if entry[0] is not None)
    for entry in placed:
        first = next(at for at, other in enumerate(placed, 1) if other[0] == entry[0])
        yield LINE % (first, entry[2], "%.4f" % entry[0], "%.1f" % entry[1], entry[3])
    for entry in sorted((entry for entry in found if entry[0] is None), key=lambda entry: entry[2]):
        yield LINE % ("-", entry[2], "-", "-", entry[3])


def main(argv):
    parser = of_command("leaderboard", __doc__, epilog="exit status: 0; 2 usage error, or a FILE is not a grading")
    parser.add_argument("files", metavar="FILE", nargs="+", help="result of grading one submission")
    print("\n".join(lines([read(path) for path in parser.parse_args(argv).files])))
    return 0
