# SPDX-License-Identifier: MIT
"""costs.py - find exits that cost more than at another commit, and commits that announce the increase.

A commit that makes an exit more expensive announces the increase in a line of its message:

    Costs: ROW[,ROW...] REASON

ROW is the name of a row of the bench, or a pattern.
"""
import fnmatch
import math
import re
from typing import NamedTuple, Optional

from hs import git
from . import rows
from .report import KEY, typical

MADE_WITH = ("qemu", "opensbi", "compiler", "binutils")
LIMIT = 0.02   # share of the figure above which an increase has to be announced
STEP = 0.5     # least change that counts, in instructions; the resolution of a batch is 0.4


class Cost(NamedTuple):
    key: tuple       # values of report.KEY
    base: float
    head: float
    same: bool       # made with the same versions of MADE_WITH
    stated: Optional[str]  # the reason that a commit's message gives

    def name(self):
        system, row, setting, cpu = self.key
        words = [row] + ([setting] if setting != "default" else []) + (["!" + cpu] if cpu != "rv64" else [])
        return " ".join(words) if system == "hyperscope" else "%s:%s" % (system, " ".join(words))

    def share(self):
        if not self.base:
            return math.inf if self.head > 0 else 0.0
        return (self.head - self.base) / self.base

    def changed(self):
        return abs(self.head - self.base) >= STEP

    def costs_more(self):
        """Return whether the figure has increased so much that a commit has to announce the increase."""
        return self.head - self.base >= STEP and self.head > self.base * (1 + LIMIT)


def _of_message(text):
    """Yield (patterns, reason) for each Costs: line of a commit message. The line need not be the last one.
    Continuation lines are indented. Patterns that match most rows are ignored."""
    text = re.sub(r"\n[ \t]+(?=\S)", " ", text)
    for names, reason in re.findall(r"^Costs:[ \t]*([^\s,]+(?:[ \t]*,[ \t]*[^\s,]+)*)[ \t]+([^\s,].*)$", text, re.M):
        yield [word for word in re.split(r"[ \t]*,[ \t]*", names) if 2 * len(rows.matching(word)) <= len(rows.ROWS)], reason


def stated_reasons(base, head="HEAD"):
    """Return (patterns, reason) pairs of the commits after BASE, a full commit name; [] if git does not know BASE."""
    return list(_of_message(git.output("log", "--format=%B%n", "%s..%s" % (base, head)) or ""))


def _reason(row, reasons):
    return next((reason for patterns, reason in reasons or ()
                 if any(fnmatch.fnmatchcase(row, pattern) for pattern in patterns)), None)


def compare(base, head, reasons):
    """Return a Cost for each figure that is in both BASE and HEAD, which are lines from scripts/hyperscope bench. For
    rare events, the mean is compared. Raise ValueError if units differ."""
    theirs = {tuple(row[name] for name in KEY): row for row in base}
    found = []
    for row in head:
        key = tuple(row[name] for name in KEY)
        if key not in theirs:
            continue
        if row["unit"] != theirs[key]["unit"]:
            raise ValueError("the unit of %s is %s in BASE, but %s here" % (row["exit"], theirs[key]["unit"], row["unit"]))
        found.append(Cost(key, typical(theirs[key]), typical(row),
                          all(row[name] == theirs[key][name] for name in MADE_WITH), _reason(row["exit"], reasons)))
    return found
