# SPDX-License-Identifier: MIT
"""board.py - `bench --from LOG --board NAME`: turn the log of the workload "bench" into a CSV file.

LOG is what the console of a board printed while it ran the profile bench (docs/workload.md). For each row of the
bench, a line in notebooks-data/boards/NAME.csv has the median of the rounds' medians, and its 95 % interval.
"""
import os
import re

from hs.errors import STATUS_USAGE, LaunchError
from hs.parser import of_command, readable
from hs.paths import TOP
from hs.workload import simulators

from . import csvfile, stats

FOLDER = os.path.join(TOP, "notebooks-data", "boards")
COLUMNS = ("board", "exit", "unit", "rounds", "n", "min", "p50", "low", "high", "p99", "max", "instret", "commit", "images")
ROW = re.compile(r"^workload: bench-([0-9]+): bench,([a-z0-9_]+),(cycles|ns|instructions),([0-9.,]+)$", re.MULTILINE)
BUILD = re.compile(r"^workload: build: commit (\S+) images (\S+)$", re.MULTILINE)
FEWEST_ROUNDS = 2


def parse_log(text):
    """Return ({row: [(unit, numbers) of each round]}, commit, images)."""
    text = text.replace("\r", "")
    builds = BUILD.findall(text)
    rows = {}
    for _, name, unit, numbers in ROW.findall(text):
        fields = numbers.split(",")
        if len(fields) != 7:
            raise LaunchError("the row %s has %d fields instead of 7: is the log complete?" % (name, len(fields)), STATUS_USAGE)
        rows.setdefault(name, []).append((unit, [float(field or "nan") for field in fields]))
    if not rows or not builds:
        raise LaunchError("the log has no results of the profile bench", STATUS_USAGE)
    if simulators.verdict(text)[0] != "PASS":
        raise LaunchError("the log does not end with PASS: %s" % (simulators.verdict(text)[1] or "there is no verdict"))
    return rows, *builds[-1]


def lines_of(board, rows, commit, images):
    """Return the lines of the CSV file."""
    run, lines = stats.new_run(), []
    for name, rounds in rows.items():
        if len(rounds) < FEWEST_ROUNDS or len({unit for unit, _ in rounds}) != 1:
            raise LaunchError("the row %s has %d rounds in one unit, but needs %d" % (name, len(rounds), FEWEST_ROUNDS))
        unit = rounds[0][0]
        numbers = list(zip(*(values for _, values in rounds)))
        medians = stats.Samples(numbers[2], unit if unit in stats.TIMES else "ns", run)
        interval = medians.interval()
        lines.append({"board": board, "exit": name, "unit": unit, "rounds": len(rounds), "n": "%d" % sum(numbers[0]),
                      "min": "%.2f" % min(numbers[1]), "p50": "%.2f" % medians.median(), "low": "%.2f" % interval.low,
                      "high": "%.2f" % interval.high, "p99": "%.2f" % max(numbers[3]), "max": "%.2f" % max(numbers[4]),
                      "instret": "%.2f" % numbers[6][0] if numbers[6][0] == numbers[6][0] else "",
                      "commit": commit, "images": images})
    return lines


def main(argv):
    parser = of_command("bench", __doc__)
    parser.add_argument("--from", metavar="LOG", type=readable, required=True, dest="log", help="the console's output")
    parser.add_argument("--board", metavar="NAME", required=True, help="the board: lower-case letters, digits and -")
    parser.add_argument("--csv", metavar="FILE", help="file to write (notebooks-data/boards/NAME.csv)")
    parser.add_out()
    options = parser.parse_args(argv)
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", options.board):
        parser.error("--board %s: use lower-case letters, digits and -" % options.board)
    path = options.csv or os.path.join(FOLDER, options.board + ".csv")
    if not options.csv:
        os.makedirs(FOLDER, exist_ok=True)
    parser.written("--csv", path)
    with open(options.log, encoding="utf-8", errors="replace", newline="") as file:
        lines = lines_of(options.board, *parse_log(file.read()))
    csvfile.write(path, COLUMNS, lines)
    print("%-18s %12s  %s" % ("exit", lines[0]["unit"], "95 % interval of the median"))
    for line in lines:
        print("%-18s %12s  %s to %s" % (line["exit"], line["p50"], line["low"], line["high"]))
    print("%s: %d rows" % (os.path.relpath(path), len(lines)))
    return 0
