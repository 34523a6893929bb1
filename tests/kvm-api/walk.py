#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""walk.py - fold the rows of the walk over /dev/kvm for the recording, or compare a run with the recording.

usage: walk.py fold <OUTPUT            join rows with the same result whose names end in consecutive numbers
       walk.py compare RECORDING DIFFERENCES <OUTPUT      print TAP, one claim per chapter

A row is "NAME: RESULT"; names are unique within a chapter, and "== NAME" begins a chapter.
DIFFERENCES holds the rows whose result on hyperscope differs from the recording's; a comment above the rows
gives the reason.
"""
import re
import sys

NUMBER = re.compile(r"^(.*?\D)(\d+)$")
RANGE = re.compile(r"^(.*?\D)(\d+)\.\.(\d+)$")


def parse(lines):
    """Return the chapters in order: name -> {row: result}. Folded rows (NAME 0..7) are expanded."""
    chapters, rows = {}, None
    for line in lines:
        line = line.rstrip("\r\n")
        if not line or line.startswith("#"):
            continue
        if line.startswith("== "):
            rows = chapters.setdefault(line[3:], {})
            continue
        name, sep, result = line.rpartition(": ")
        if not sep or rows is None:
            raise SystemExit("walk.py: not a row: %r" % line)
        match = RANGE.match(name)
        numbers = range(int(match[2]), int(match[3]) + 1) if match else [None]
        for number in numbers:
            row = name if number is None else "%s%d" % (match[1], number)
            if row in rows:
                raise SystemExit("walk.py: two rows are called %r" % row)
            rows[row] = result
    return chapters


def fold(chapters):
    for chapter, rows in chapters.items():
        print("== " + chapter)
        runs, open_runs = [], {}
        for row, result in rows.items():
            match = NUMBER.match(row)
            if not match or (match[2] != "0" and match[2].startswith("0")):
                runs.append([row, None, None, result])
                continue
            prefix, number = match[1], int(match[2])
            run = open_runs.get(prefix)
            if run and run[2] + 1 == number and run[3] == result:
                run[2] = number
            else:
                open_runs[prefix] = run = [prefix, number, number, result]
                runs.append(run)
        for prefix, first, last, result in runs:
            span = "" if first is None else str(first) if first == last else "%d..%d" % (first, last)
            print("%s%s: %s" % (prefix, span, result))


def report(number, good, name, details):
    print("%sok %d - %s" % ("" if good else "not ", number, name))
    for line in details[:40]:
        print("# " + line)
    if len(details) > 40:
        print("# ... and %d more" % (len(details) - 40))


def compare(recording, differences, ours):
    number = 0
    for chapter, rows in recording.items():
        if not rows:  # the chapter "end"
            continue
        known = differences.get(chapter, {})
        here = ours.get(chapter, {})
        details = []
        for row in list(rows) + [row for row in here if row not in rows]:
            got, linux = here.get(row, "no such row"), rows.get(row, "no such row")
            if got != known.get(row, linux):
                details.append("%s: %s; Linux: %s" % (row, got, linux))
        details += ["%s: no such row" % row for row in known if row not in rows]
        differ = sum(here.get(row) != rows[row] for row in rows)
        number += 1
        report(number, not details, "%s: %d rows have Linux's result, %d differ" %
               (chapter, len(rows) - differ, differ), details)
    new = [name for name in ours if name not in recording]
    report(number + 1, not new, "the recording has every chapter of the walk", new)
    report(number + 2, "end" in ours, "the walk runs to completion", [])
    print("1..%d" % (number + 2))


def main(argv):
    if argv[1:] == ["fold"]:
        fold(parse(sys.stdin))
    elif len(argv) == 4 and argv[1] == "compare":
        with open(argv[2], encoding="utf-8") as recording, open(argv[3], encoding="utf-8") as known:
            compare(parse(recording), parse(known), parse(sys.stdin))
    else:
        raise SystemExit(__doc__)


if __name__ == "__main__":
    main(sys.argv)
