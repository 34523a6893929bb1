# SPDX-License-Identifier: MIT
"""costs.py - what became dearer from one commit to another, and whether somebody has said so.

A commit that makes an exit costlier says it in a line of its message: `Costs: ROW[,ROW...] REASON`, rows
being names or patterns of the bench.
"""
import fnmatch
import os
import re
import subprocess
from typing import NamedTuple, Optional

from .report import KEY
from .rows import BY_NAME
from .systems import TOP

MADE_WITH = ("qemu", "opensbi", "compiler", "binutils")
LIMIT = 0.02   # of the figure, before it has to be said
STEP = 0.5     # instructions: a batch resolves 0.4


class Cost(NamedTuple):
    key: tuple       # of report.KEY
    base: float
    head: float
    same: bool       # made with the same QEMU, OpenSBI, compiler
    said: Optional[str]  # the reason that a commit's message gives

    def name(self):
        system, row, setting, cpu = self.key
        words = [row] + ([setting] if setting != "default" else []) + (["!" + cpu] if cpu != "rv64" else [])
        return " ".join(words) if system == "hyperscope" else "%s:%s" % (system, " ".join(words))

    def share(self):
        return (self.head - self.base) / self.base if self.base else 0.0

    def changed(self):
        return abs(self.head - self.base) >= STEP

    def dearer(self):
        """So much that it has to be said."""
        return self.head - self.base >= STEP and self.head > self.base * (1 + LIMIT)


def _git(*words):
    try:
        done = subprocess.run(("git", "-C", TOP) + words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    except OSError:  # a CSV can be compared without git
        return None
    return done.stdout.decode(errors="replace") if done.returncode == 0 else None


def is_clone():
    """Has git this tree's commits? A folder in somebody else's clone is none."""
    top = _git("rev-parse", "--show-toplevel")
    return top is not None and os.path.realpath(top.strip()) == TOP


def commit_of(word):
    """Its full name, or None where there is no such commit here."""
    found = None if word.startswith("-") or not is_clone() else _git("rev-parse", "--verify", "--quiet", word + "^{commit}")
    return found.strip() if found else None


def _of_message(text):
    """Any line of it, not a trailer alone: who writes a paragraph behind it has said it, too. What goes on is indented."""
    text = re.sub(r"\n[ \t]+(?=\S)", " ", text)
    for line in re.findall(r"^Costs:[ \t]*(\S+)[ \t]+(\S.*)$", text, re.M):
        yield [word for word in line[0].split(",") if word], line[1]


def sayings(base, head="HEAD"):
    """[(patterns, reason)] of the commits after base, a commit's whole name; empty where git does not know it."""
    return list(_of_message(_git("log", "--format=%B%n", "%s..%s" % (base, head)) or ""))


def _reason(row, said):
    return next((reason for patterns, reason in said or ()
                 if any(fnmatch.fnmatchcase(row, pattern) for pattern in patterns)), None)


def compare(base, head, said):
    """A Cost for each figure that both have, of scripts/bench's lines; mean of what comes seldom."""
    theirs = {tuple(row[name] for name in KEY): row for row in base}
    found = []
    for row in head:
        key = tuple(row[name] for name in KEY)
        if key not in theirs:
            continue
        column = "mean" if row["exit"] in BY_NAME and BY_NAME[row["exit"]].mean else "p50"
        found.append(Cost(key, float(theirs[key][column]), float(row[column]),
                          all(row[name] == theirs[key][name] for name in MADE_WITH), _reason(row["exit"], said)))
    return found
