#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""flame_check.py - check that an SVG is the flame graph of the given folded stacks. Prints TAP without a plan.

usage: flame_check.py FOLDED SVG

The stacks are added up here independently, as sums over prefixes.
"""
import re
import sys
import xml.etree.ElementTree as ElementTree

NS = "{http://www.w3.org/2000/svg}"
WIDTH, MARGIN = 1200, 10
NEAR = 0.011  # pixels: positions have two decimals
CONTRAST = 4.5  # WCAG 2.1, 1.4.3


def ok(condition, name, got=""):
    print("%s - %s" % ("ok" if condition else "not ok", name))
    if not condition:
        print("# got: %s" % str(got)[:2000].replace("\n", "\n# "))


class Frame:
    def __init__(self, group):
        self.name, self.words = group.find(NS + "title").text.split("\n")
        self.first, self.count, self.depth = (int(group.get("data-" + key)) for key in "snd")
        rect = group.find(NS + "rect")
        self.x, self.y, self.width, self.height = (float(rect.get(key)) for key in
                                                   ("x", "y", "width", "height"))
        self.text = group.find(NS + "text")


def prefix_sums(path):
    sums = {(): 0}
    with open(path, encoding="utf-8", errors="replace", newline="\n") as lines:
        for line in lines:
            words = line.split()
            if not words or line.startswith("# "):
                continue
            names, count = line.rstrip("\n").rsplit(" ", 1)[0].split(";"), int(words[-1])
            for depth in range(len(names) + 1):
                key = tuple(names[:depth])
                sums[key] = sums.get(key, 0) + count
    return sums


def luminance(color):
    parts = [int(color[at:at + 2], 16) / 255 for at in (1, 3, 5)]
    parts = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(style):
    """Return the contrast between the frames' text and each of the frames' colors, in both themes."""
    found = []
    for part in style.split("@media print")[0].split("@media screen"):
        text = re.search(r"\.flame text \{ fill: (#\w+)", part).group(1)
        for fill in re.findall(r"\.c\d\.s\d rect \{ fill: (#\w{6})", part):
            light = sorted((luminance(text) if len(text) == 7 else 0, luminance(fill)))
            found.append((light[1] + 0.05) / (light[0] + 0.05))
    return found


def main(folded, picture):
    svg = ElementTree.parse(picture).getroot()
    ok(svg.tag == NS + "svg", "the file is XML, and an SVG", svg.tag)
    text = open(picture, encoding="utf-8").read()
    ok(not re.search(r"(href|src)\s*=|url\(|@import", text), "the SVG does not refer to other files")
    frames = [Frame(group) for group in svg.iter(NS + "g") if "f" in (group.get("class") or "").split()]
    sums = prefix_sums(folded)
    ok(sorted(frame.count for frame in frames) == sorted(sums.values()),
       "each prefix of a stack is a frame with the sum of the stacks that begin with it",
       (sorted(frame.count for frame in frames), sorted(sums.values())))
    total = sums[()]
    scale = (WIDTH - 2 * MARGIN) / total
    ok(all(abs(frame.width - frame.count * scale) < NEAR and
           abs(frame.x - MARGIN - frame.first * scale) < NEAR for frame in frames),
       "a frame has the width of its share, and the right position")
    ok(all(format(frame.count, ",d") in frame.words and "%.2f %%" % (100 * frame.count / total) in
           frame.words for frame in frames), "a frame's title has its count and share")
    rows = {}
    for frame in frames:
        rows.setdefault(frame.depth, []).append(frame)
    held, apart = True, True
    for depth, row in rows.items():
        row.sort(key=lambda frame: frame.first)
        apart = apart and all(a.first + a.count <= b.first for a, b in zip(row, row[1:]))
        held = held and (depth == 0 or all(
            sum(up.first <= frame.first and frame.first + frame.count <= up.first + up.count
                for up in rows[depth - 1]) == 1 for frame in row))
    ok(apart, "no two frames of a row overlap")
    ok(held, "each frame is on top of one caller, within the caller's width")
    ok(len({frame.y for frame in frames}) == len(rows) and
       all(len({frame.y for frame in row}) == 1 for row in rows.values()), "all frames of a depth are in one row")
    drawn = [frame for frame in frames if frame.text.text]
    ok(drawn and all(float(frame.text.get("x")) + 7 * len(frame.text.text) <= frame.x + frame.width + 7
                     for frame in drawn if frame.text.text.isascii()), "a label fits into its frame")
    least = contrast(svg.find(NS + "style").text)
    ok(len(least) >= 40 and min(least) >= CONTRAST, "labels have enough contrast on every color, light and dark",
       sorted(least)[:5])


if __name__ == "__main__":
    main(*sys.argv[1:])
