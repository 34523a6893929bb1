# SPDX-License-Identifier: MIT
"""board.py - `bench --from LOG --board NAME`: turn the log of the workload "bench" into a CSV file.

LOG is what the console of a board printed while it ran the profile bench (docs/workload.md). For each row of the
bench, a line in notebooks-data/boards/NAME.csv has the median of the rounds' medians, and its 95 % interval.
"""
import os
import re
from typing import NamedTuple

from hs.errors import STATUS_USAGE, LaunchError
from hs.parser import of_command, readable
from hs.paths import TOP
from hs.workload import profile, simulators

from . import csvfile, stats, systems

FOLDER = os.path.join(TOP, "notebooks-data", "boards")
COLUMNS = ("board", "exit", "unit", "rounds", "n", "min", "p50", "low", "high", "p99", "max", "instret", "commit", "images")
ROW = re.compile(r"^workload: bench-([0-9]+): bench,([a-z0-9_]+),(cycles|ns|instructions),(.*)$", re.MULTILINE)
BUILD = re.compile(r"^workload: build: commit (\S.*) images (\S+)$", re.MULTILINE)  # of a lab: commit NAME of lab NUMBER
FEWEST_ROUNDS, MOST_ROUNDS = 2, 1000


class Log(NamedTuple):
    rows: dict  # row -> {round: a line of the bench, with numbers}
    commit: str
    images: str


def parse_log(text):
    """Return the Log of the last run in the text. Raise ValueError if a row is damaged, or occurs twice in a round: a
    board's console is not to be trusted."""
    text = simulators.cleaned(text)
    builds = list(BUILD.finditer(text))
    rows = {}
    if builds:
        text = text[builds[-1].end():]
        for number, name, unit, numbers in ROW.findall(text):
            fields = numbers.split(",")
            if len(fields) != len(systems.COLUMNS) - 2:
                raise ValueError("the row %s has %d fields instead of 7: is the log complete?" % (name, len(fields)))
            if int(number) > MOST_ROUNDS:
                raise ValueError("round %s of the row %s: there are at most %d rounds" % (number[:40], name, MOST_ROUNDS))
            rounds = rows.setdefault(name, {})
            if int(number) in rounds:
                raise ValueError("the row %s occurs twice in round %s" % (name, number))
            row = dict(zip(systems.COLUMNS, [name, unit] + fields))
            figures = systems.numbers_of(row)
            rounds[int(number)] = dict(row, **figures)
    if not rows:
        raise ValueError("the log has no results of the profile bench")
    if simulators.verdict(text)[0] != "PASS":
        raise LaunchError("the log does not end with PASS: %s" % (simulators.verdict(text)[1] or "there is no verdict"))
    return Log(rows, *builds[-1].groups())


def check_rounds(rows):
    """Raise LaunchError if a row lacks a round that another row has, has too few rounds, or has figures in several units."""
    last = max(max(rounds) for rounds in rows.values())
    for name, rounds in rows.items():
        lacks = [str(number) for number in range(1, last + 1) if number not in rounds]
        if lacks:
            raise LaunchError("the row %s lacks these rounds: %s; is the log complete?" % (name, " ".join(lacks)))
        if len(rounds) < FEWEST_ROUNDS:
            raise LaunchError("the row %s has %d rounds, but needs %d" % (name, len(rounds), FEWEST_ROUNDS))
        units = sorted({row["unit"] for row in rounds.values()})
        if len(units) != 1:
            raise LaunchError("the row %s is measured in several units: %s" % (name, ", ".join(units)))


def unmeasured(rows):
    """Return the rows of the profile bench that are missing in ROWS."""
    expected = re.findall(r" only=(\S+) ", " ".join(profile.read("bench").vms))
    return [name for name in dict.fromkeys(",".join(expected).split(",")) if name not in rows]


def lines_of(board, log):
    """Return the lines of the CSV file."""
    run, lines = stats.new_run(), []
    for name, rounds in log.rows.items():
        rows = list(rounds.values())
        unit = rows[0]["unit"]
        medians = stats.Samples([row["p50"] for row in rows], unit if unit in stats.TIMES else "ns", run)
        interval = medians.interval()
        lines.append({"board": board, "exit": name, "unit": unit, "rounds": len(rows), "n": "%d" % sum(row["n"] for row in rows),
                      "min": "%.2f" % min(row["min"] for row in rows), "p50": "%.2f" % medians.median(),
                      "low": "%.2f" % interval.low, "high": "%.2f" % interval.high,
                      "p99": "%.2f" % max(row["p99"] for row in rows), "max": "%.2f" % max(row["max"] for row in rows),
                      "instret": "%.2f" % rows[0]["instret"] if rows[0]["instret"] != "" else "",
                      "commit": log.commit, "images": log.images})
    return lines


def show(lines):
    print("%-18s %12s  %-26s  %s" % ("exit", "median", "95 % interval", "unit"))
    for line in lines:
        print("%-18s %12s  %-26s  %s" % (line["exit"], line["p50"], "%s to %s" % (line["low"], line["high"]), line["unit"]))


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
        try:
            log = parse_log(file.read())
        except ValueError as error:
            raise LaunchError("%s: %s" % (options.log, error), STATUS_USAGE) from None
    check_rounds(log.rows)
    lines = lines_of(options.board, log)
    csvfile.write(path, COLUMNS, lines)
    show(lines)
    lacks = unmeasured(log.rows)
    if lacks:
        print("not in the log: %s" % " ".join(lacks))
    print("%s: %d rows" % (os.path.relpath(path), len(lines)))
    return 0
