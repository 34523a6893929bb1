# SPDX-License-Identifier: MIT
"""expression.py - evaluate expressions for figures.

An expression is ROW, ROW SETTING, SYSTEM:ROW or ROW !CPU, or two of these joined by - or /. Examples are
`sbi_version fastpath=off - sbi_version`, `linux:mmio_read !max`, `linux-7.2.13:io_out` and `boot / native:boot`. The
default system is hyperscope, and the default processor is rv64.
"""
import re
from typing import NamedTuple

from . import report, rows
from .systems import KNOWN, ONE_LINUX


class ExpressionError(ValueError):
    """An error in an expression."""


class Term(NamedTuple):
    system: str
    row: str
    setting: str  # "" or NAME=VALUE, several separated by blanks
    cpu: str


def _term(words, system):
    cpu, parts = "rv64", words.split()
    if not parts:
        raise ExpressionError("an expression or one side of it is empty")
    if parts[-1].startswith("!"):
        cpu = parts.pop()[1:]
    if parts and ":" in parts[0]:
        system, _, parts[0] = parts[0].partition(":")
        if system not in KNOWN and not system.startswith(ONE_LINUX):
            raise ExpressionError("there is no system '%s'; known systems: %s" % (system, ", ".join(KNOWN)))
    if not parts or parts[0] not in rows.BY_NAME:
        raise ExpressionError("there is no row '%s'; scripts/hyperscope bench --list shows the rows" % "".join(parts[:1]))
    return Term(system, parts[0], " ".join(parts[1:]), cpu)


def _parts(words):
    """Split an expression into [words] or [words, "-" or "/", words]."""
    return re.split(r" ([-/]) ", words, maxsplit=1)


def is_ratio(words):
    """Return whether the expression is a ratio, not a count."""
    return _parts(words)[1:2] == ["/"]


def terms(words, system="hyperscope"):
    """Return one or two terms. The second is subtracted from the first, or the first is divided by the second."""
    return [_term(part, system) for part in _parts(words)[::2]]


class Measured:
    """The figures of a CSV file of scripts/hyperscope bench, for look-ups."""

    def __init__(self, results, statistic="p50"):
        self.results = results
        self.cpus = {cpu: report.Figures(results, cpu, statistic)
                     for cpu in dict.fromkeys(row["cpu"] for row in results)}

    def row(self, term):
        """Return the term's line of the CSV file, or None if there is none."""
        return self.cpus[term.cpu].row(term.system, term.row, term.setting) if term.cpu in self.cpus else None

    def value(self, term):
        """Return the term's figure, or None if it was not measured."""
        if term.cpu not in self.cpus:
            return None
        return self.cpus[term.cpu].value(term.system, term.row, term.setting)

    def of(self, words, system="hyperscope"):
        """Return the value of an expression, or None if one of its terms was not measured or the divisor is 0."""
        values = [self.value(term) for term in terms(words, system)]
        if None in values or is_ratio(words) and not values[1]:
            return None
        if is_ratio(words):
            return values[0] / values[1]
        return values[0] - values[1] if len(values) == 2 else values[0]
