#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""figures.py - bars from your own measured.csv, as an SVG: one pair for each row, by walker.

usage: labs/04-gstage/figures.py [CSV [SVG]]

A template: it draws what everybody measures. Change it to what your explanation needs.
"""
import csv
import os
import sys

HERE = os.path.dirname(os.path.realpath(__file__))
WIDTH, LEFT, BAR, GAP = 720, 180, 16, 14
COLOURS = {"iterative": "#3b6ea5", "recursive": "#c8702a"}


def read(path):
    """{row: {walker: instructions}}, of hyperscope's rows alone."""
    found = {}
    with open(path, encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            toggles = line["toggles"]
            if line["system"] != "hyperscope" or toggles not in ("default", "gstage_walk=recursive"):
                continue
            walker = "recursive" if "recursive" in toggles else "iterative"
            found.setdefault(line["exit"], {})[walker] = float(line["p50"])
    return found


def draw(rows):
    most = max(value for walkers in rows.values() for value in walkers.values())
    out, y = [], 40
    for row, walkers in rows.items():
        out.append('<text x="%d" y="%d" text-anchor="end">%s</text>' % (LEFT - 8, y + BAR + 4, row))
        for walker, value in sorted(walkers.items()):
            length = (WIDTH - LEFT - 80) * value / most
            out.append('<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"><title>%s</title></rect>'
                       % (LEFT, y, length, BAR, COLOURS[walker], walker))
            out.append('<text x="%.1f" y="%d">%.0f</text>' % (LEFT + length + 6, y + BAR - 3, value))
            y += BAR
        y += GAP
    head = '<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" ' \
        'font-size="13">' % (WIDTH, y)
    title = '<text x="%d" y="22">Instructions a fault: ' % LEFT + " and ".join(
        '<tspan fill="%s">%s</tspan>' % (colour, walker) for walker, colour in COLOURS.items()) + "</text>"
    return "\n".join([head, title] + out + ["</svg>"]) + "\n"


def main(words):
    if len(words) > 2 or any(word.startswith("-") for word in words):
        print(__doc__.strip())
        return 0 if words == ["--help"] else 2
    source = words[0] if words else os.path.join(HERE, "measured.csv")
    target = words[1] if len(words) > 1 else os.path.join(HERE, "figure.svg")
    try:
        rows = read(source)
    except OSError as error:
        sys.stderr.write("figures.py: %s: %s\n" % (source, error.strerror))
        return 1
    if not rows:
        sys.stderr.write("figures.py: %s has no row of hyperscope's\n" % source)
        return 1
    with open(target, "w", encoding="utf-8") as file:
        file.write(draw(rows))
    print("figure: %s" % target)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
