# SPDX-License-Identifier: MIT
"""coverage.py - which claims of the workloads check the sections of the chapter on H that docs/spec.md lists.

In src/workload/smoke.c, a claim's name begins with the section. In tests/guest/nested, the payload of the profiles
hs and nested, the comment before a function names the sections that its claims check.
"""
import glob
import os
import re
from typing import NamedTuple

from hs import layout
from hs.paths import TOP

from . import plant

SMOKE = "src/workload/smoke.c"
STRING = r'((?:[^"\\]|\\.)*)"'
ROW = re.compile(r"^\| (H §[0-9.]+) \| ([^|]*) \|", re.MULTILINE)
CLAIM = re.compile(r'"([MSH] §[0-9.]+): ' + STRING)
CHECKS = re.compile(r"Checks ([MSH §0-9., ]+)\.\s*\*/\n(?:static )?void (\w+)\(void\)\n\{(.*?)\n\}", re.DOTALL)
CALL = re.compile(r'\bok(?:_\w+)?\([^;"]*"' + STRING)  # a claim's name is the only string among its first arguments


class Function(NamedTuple):
    name: str
    path: str
    sections: str  # as its comment names them
    claims: list   # the claims' names, which are formats of printf


class Section(NamedTuple):
    name: str
    title: str
    smoke: list    # the names of the claims in smoke
    nested: list   # the functions of the payload nested that check the section
    faults: list   # the planted faults

    def counts(self):
        """Return the numbers of claims of smoke, of claims of hs and nested, and of planted faults; "-" is none."""
        return [count or "-" for count in (len(self.smoke), sum(len(function.claims) for function in self.nested), len(self.faults))]

    def lines(self):
        """Yield the names of the section's claims and faults, in lines for a terminal."""
        yield layout.row("", "%s: %s" % (self.name, self.title.replace("`", "")), "  ")
        if not self.smoke and not self.nested:
            yield "  no claim"
        if self.smoke:
            yield "  smoke, %s:" % SMOKE
            yield from (layout.row("    ", claim, "      ") for claim in self.smoke)
        for function in self.nested:
            yield layout.row("  ", "hs and nested, %s() in %s, which checks %s:" % function[:3])
            yield from (layout.row("    ", claim, "      ") for claim in function.claims)
        if self.faults:
            yield "  planted faults:"
            yield from (layout.row("    %-16s  " % fault.name, fault.meaning) for fault in self.faults)


def _expanded(text):
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
    """Return the sections of the chapter on H."""
    rows = {name: Section(name, title.strip(), [], [], []) for name, title in ROW.findall(_read("docs/spec.md"))}
    for name, claim in CLAIM.findall(_read(SMOKE)):
        if name in rows:
            rows[name].smoke.append(claim)
    for path in sorted(glob.glob(os.path.join(glob.escape(TOP), "tests", "guest", "nested", "*.c"))):
        for names, function, body in CHECKS.findall(_read(path)):
            names = " ".join(names.replace("*", "").split())
            for name in _expanded(names):
                if name in rows:
                    rows[name].nested.append(Function(function, os.path.relpath(path, TOP), names, CALL.findall(body)))
    for fault in plant.ALL:
        if fault.source in rows:
            rows[fault.source].faults.append(fault)
    return list(rows.values())


def chosen(word):
    """Return the sections that WORD names: "all", or one, such as "6.3" or "H §6.3"."""
    return [row for row in table() if word == "all" or re.sub(r"^(H ?)?§?", "H §", word) == row.name]


def markdown():
    """Yield the table of counts for docs/workload.md."""
    yield "| section | title | `smoke` | `hs`, `nested` | faults |"
    yield "|---|---|---:|---:|---:|"
    for row in table():
        yield "| %s | %s | %s | %s | %s |" % (row.name, row.title, *row.counts())
