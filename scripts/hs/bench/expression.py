# SPDX-License-Identifier: MIT
"""expression.py - a figure by its words: ROW, ROW SETTING, SYSTEM:ROW, ROW !CPU; two with - or / between.

As in `sbi_version fastpath=off - sbi_version`, `linux:mmio_read !max` or `boot / native:boot`. What
says no system is hyperscope's, what says no processor rv64's.
"""
import re
from typing import NamedTuple

from . import report, rows
from .systems import KNOWN


class ExpressionError(ValueError):
    """Says what is wrong with the words."""


class Term(NamedTuple):
    system: str
    row: str
    setting: str  # "" or NAME=VALUE, several with a space
    cpu: str


def _term(words, system):
    cpu, parts = "rv64", words.split()
    if not parts:
        raise ExpressionError("there are no words")
    if parts[-1].startswith("!"):
        cpu = parts.pop()[1:]
    if parts and ":" in parts[0]:
        system, _, parts[0] = parts[0].partition(":")
        if system not in KNOWN:
            raise ExpressionError("there is no system '%s'; there are %s" % (system, ", ".join(KNOWN)))
    if not parts or parts[0] not in rows.BY_NAME:
        raise ExpressionError("there is no row '%s'; scripts/hyperscope bench --list has them" % "".join(parts[:1]))
    return Term(system, parts[0], " ".join(parts[1:]), cpu)


def _parts(words):
    """[words], or [words, "-" or "/", words]."""
    return re.split(r" ([-/]) ", words, maxsplit=1)


def is_ratio(words):
    """Is it no count, but how much of another one?"""
    return _parts(words)[1:2] == ["/"]


def terms(words, system="hyperscope"):
    """One or two terms; the second is taken from the first, or the first shown as so many times it."""
    return [_term(part, system) for part in _parts(words)[::2]]


class Measured:
    """What scripts/hyperscope bench --csv wrote, to be asked."""

    def __init__(self, results, statistic="p50"):
        self.results = results
        self.cpus = {cpu: report.Figures(results, cpu, statistic)
                     for cpu in dict.fromkeys(row["cpu"] for row in results)}

    def row(self, term):
        """The line of the CSV, or None."""
        return self.cpus[term.cpu].row(term.system, term.row, term.setting) if term.cpu in self.cpus else None

    def value(self, term):
        """A number, or None where it was not measured."""
        if term.cpu not in self.cpus:
            return None
        return self.cpus[term.cpu].value(term.system, term.row, term.setting)

    def of(self, words, system="hyperscope"):
        """The expression's value, or None where one of its terms was not measured."""
        values = [self.value(term) for term in terms(words, system)]
        if None in values or is_ratio(words) and not values[1]:
            return None
        if is_ratio(words):
            return values[0] / values[1]
        return values[0] - values[1] if len(values) == 2 else values[0]
