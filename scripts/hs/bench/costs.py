# SPDX-License-Identifier: MIT
"""costs.py - find exits that cost more than at another commit or on another kernel, and commits that announce the increase.

A commit that makes an exit more expensive announces the increase in a line of its message:

    Costs: ROW[,ROW...] REASON

ROW is the name of a row of the bench, or a pattern.
"""
import fnmatch
import math
import re
from typing import NamedTuple, Optional

from hs import git, layout
from . import rows
from .report import KEY, shown, typical

MADE_WITH = ("qemu", "opensbi", "compiler", "binutils")
LIMIT = 0.02   # share of the figure above which an increase counts, and has to be announced
STEP = 0.5     # least change that counts, in instructions; the resolution of a batch is 0.4
ANY = "any"    # the system of both sides, if a figure of one system is compared with that of another
LINE = "%-40s%10s%10s%9s%8s"


class Cost(NamedTuple):
    key: tuple       # values of report.KEY
    base: float
    head: float
    same: bool       # made with the same versions of MADE_WITH
    stated: Optional[str]  # the reason that a commit's message gives
    limit: float           # share of the figure above which an increase counts

    def name(self):
        return name_of(self.key)

    def share(self):
        if not self.base:
            return math.inf if self.head > 0 else 0.0
        return (self.head - self.base) / self.base

    def changed(self):
        return abs(self.head - self.base) >= STEP

    def costs_more(self):
        """Return whether the figure has increased so much that it counts: a commit has to announce the increase."""
        return self.head - self.base >= STEP and self.head > self.base * (1 + self.limit)


def key_of(line):
    return tuple(line[name] for name in KEY)


def name_of(key):
    """Return the name of a figure, given its values of report.KEY."""
    system, row, setting, cpu = key
    words = [row] + ([setting] if setting != "default" else []) + (["!" + cpu] if cpu != "rv64" else [])
    return " ".join(words) if system in ("hyperscope", ANY) else "%s:%s" % (system, " ".join(words))


def not_compared(found, lines):
    """Return the names of the figures in LINES for which FOUND, from compare(), has no Cost."""
    keys = {cost.key for cost in found}
    return [name_of(key_of(line)) for line in lines if key_of(line) not in keys]


def _of_message(text):
    """Yield (patterns, reason) for each Costs: line of a commit message. The line need not be the last one.
    Continuation lines are indented. Patterns that match most rows are ignored."""
    text = re.sub(r"\n[ \t]+(?=\S)", " ", text)
    for names, reason in re.findall(r"^Costs:[ \t]*([^\s,]+(?:[ \t]*,[ \t]*[^\s,]+)*)[ \t]+([^\s,].*)$", text, re.M):
        yield [word for word in re.split(r"[ \t]*,[ \t]*", names) if 2 * len(rows.matching(word)) <= len(rows.ROWS)], reason


def stated_reasons(base):
    """Return (patterns, reason) pairs of the commits after BASE, a full commit name; [] if git does not know BASE."""
    return list(_of_message(git.output("log", "--format=%B%n", base + "..HEAD") or ""))


def _reason(row, reasons):
    return next((reason for patterns, reason in reasons or ()
                 if any(fnmatch.fnmatchcase(row, pattern) for pattern in patterns)), None)


def of_any(lines):
    """Return lines with ANY as their system, so that the figures of two systems can be compared."""
    return [dict(line, system=ANY) for line in lines]


def compare(base, head, reasons=(), limit=LIMIT, statistic="p50"):
    """Return a Cost for each figure that is in both BASE and HEAD, which are lines from scripts/hyperscope bench. For
    rare events, the mean is compared. Raise ValueError if units differ."""
    theirs = {key_of(row): row for row in base}
    found = []
    for row in head:
        key = key_of(row)
        if key not in theirs:
            continue
        if row["unit"] != theirs[key]["unit"]:
            raise ValueError("the unit of %s is %s in BASE, but %s here" % (row["exit"], theirs[key]["unit"], row["unit"]))
        found.append(Cost(key, typical(theirs[key], statistic), typical(row, statistic),
                          all(row[name] == theirs[key][name] for name in MADE_WITH), _reason(row["exit"], reasons), limit))
    return found


def table(found, heads=("base", "head")):
    """Print the figures of two measurements, the largest increase first. HEADS: what they are called."""
    if found:
        print(LINE % (("",) + heads + ("more", "%")))
    for cost in sorted(found, key=lambda cost: -cost.share()):
        note = "" if not cost.costs_more() else " said: " + cost.stated if cost.stated else " COSTLIER"
        line = LINE % (cost.name()[:40], shown(cost.base), shown(cost.head), "%+.1f" % (cost.head - cost.base),
                       "%+.1f" % (100 * cost.share()))
        print(line + note if len(line + note) <= 79 else line + "\n   " + note)


def summary(found):
    """Return how many of at least one figure are the same, less and more, as text."""
    return "%s: %d the same, %d less, %d more, %d of them by more than %g %%" % (
        layout.counted(len(found), "figure"), sum(not cost.changed() for cost in found),
        sum(cost.changed() and cost.head < cost.base for cost in found),
        sum(cost.changed() and cost.head > cost.base for cost in found), sum(cost.costs_more() for cost in found), 100 * found[0].limit)
