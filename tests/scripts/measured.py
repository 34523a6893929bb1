#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""measured.py BENCH.csv MEASURE.csv - compare the figures of scripts/hyperscope bench with those of measure.

Prints how many figures are the same, or those that only one of the files has."""
import csv
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "scripts"))
from hs import toggles  # noqa: E402
from hs.bench.rows import BY_NAME, GROUPS  # noqa: E402
from hs.paths import TOP  # noqa: E402


def of_bench(path):
    with open(path, newline="", encoding="utf-8") as file:
        for line in csv.DictReader(file):
            words = line["toggles"].replace("default", "").split()
            own = set(GROUPS[BY_NAME[line["exit"]].group].setting.split())
            key = line["system"], " ".join(word for word in words if word not in own)
            yield key + (line["exit"], line["mean" if BY_NAME[line["exit"]].mean else "p50"])
            if line["instret"]:
                yield key + (line["exit"] + ".instret", line["instret"])


def of_measure(path):
    names = list(toggles.toggles(TOP))
    with open(path, newline="", encoding="utf-8") as file:
        for line in csv.DictReader(file):
            words = ["%s=%s" % (name, line[name]) for name in names if line.get(name)]
            yield line["system"], " ".join(words), line["name"], line["value"]


ours, theirs = set(of_bench(sys.argv[1])), set(of_measure(sys.argv[2]))
for figure in sorted(ours ^ theirs):
    print("only in %s: %s" % (sys.argv[1 if figure in ours else 2], " ".join(figure)))
if ours == theirs:
    exact = sum(name.endswith(".instret") for _, _, name, _ in ours)
    print("%d figures and %d exact medians are the same" % (len(ours) - exact, exact))
