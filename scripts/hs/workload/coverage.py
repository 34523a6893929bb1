# SPDX-License-Identifier: MIT
"""coverage.py - which paragraphs of the chapter on H, of those that docs/spec.md lists, the workloads check.

In src/workload/smoke.c, a claim's name begins with the paragraph. In tests/guest/nested, the payload of the profiles
hs and nested, the comment before a function names the paragraphs that its claims check.
"""
import glob
import os
import re

from hs.paths import TOP

from . import plant

ROW = re.compile(r"^\| (H §[0-9.]+) \| ([^|]*) \|", re.MULTILINE)
CLAIM = re.compile(r'"([MSH] §[0-9.]+): ')
CHECKS = re.compile(r"Checks ([MSH §0-9., ]+)\.\s*\*/\n(?:static )?void \w+\(void\)\n\{(.*?)\n\}", re.DOTALL)
CALL = re.compile(r"\bok(?:_\w+)?\(")


def _paragraphs(text):
    """Expand "H §2.1, §2.2" to full names."""
    chapter, found = "", []
    for word in text.split(", "):
        if word[0] in "MSH":
            chapter = word[:2]
        found.append(chapter + word[word.index("§"):])
    return found


def _read(path):
    with open(os.path.join(TOP, path), encoding="utf-8") as file:
        return file.read()


def table():
    """Return [paragraph, title, claims of smoke, claims of hs and nested, planted faults] for each paragraph on H."""
    rows = {name: [name, title.strip(), 0, 0, 0] for name, title in ROW.findall(_read("docs/spec.md"))}
    for name in CLAIM.findall(_read("src/workload/smoke.c")):
        if name in rows:
            rows[name][2] += 1
    for path in sorted(glob.glob(os.path.join(glob.escape(TOP), "tests", "guest", "nested", "*.c"))):
        for names, body in CHECKS.findall(_read(path)):
            for name in _paragraphs(" ".join(names.replace("*", "").split())):
                if name in rows:
                    rows[name][3] += len(CALL.findall(body))
    for fault in plant.ALL:
        if fault.source in rows:
            rows[fault.source][4] += 1
    return list(rows.values())
