# SPDX-License-Identifier: MIT
"""judge.py - a paper's rows out of what the bench measured, and what is to be said of them.

Figures are counts, exact within one key of compiler, QEMU, OpenSBI and kernel: there they are what
expected.csv says, to the instruction. Under another key they are shown with the difference, which is
no failure: as expected within 5 %.
"""
import re
from typing import NamedTuple

from hs.bench import csvfile, expression
from hs.bench.rows import is_application
from hs.bench.systems import KNOWN
from hs.errors import LaunchError
from . import claim

MEASURED = ("row", "system", "value", "unit", "n", "compiler", "qemu", "opensbi", "kernel")
KEY = ("compiler", "qemu", "opensbi", "kernel")
OTHER_KEY = 0.05
HYPERVISORS = tuple(system for system in KNOWN if system not in ("bare", "native"))
# A booted Linux, in a VM or not, lays its memory out by everything that is in the initrd, our programs,
# too (docs/bench.md).
LINUX = 0.02
WHOLE_GUEST = 0.04  # and by where ticks fall: one layout is up to 3 % from another, medians of five are nearer
STEP = 0.5   # instructions: a batch resolves 0.4
RATIO = "x "  # such a unit's beginning: "x native"


class Judged(NamedTuple):
    claim: object
    look: object
    system: str
    found: object   # True, False, or None: a row was not measured


class Difference(NamedTuple):
    line: dict      # of expected.csv
    value: object   # measured, or None
    unit: str       # in which it was measured
    key: bool       # is it the same key?
    within: bool    # of the tolerance, in the same unit

    def failed(self):
        """A figure that is another one, or none at all."""
        return self.value is None or self.key and not self.within


def rows_of(paper, results):
    """measured.csv's lines, out of scripts/hyperscope bench's."""
    measured, lines = expression.Measured(results), []
    for row in paper.rows.values():
        for system, words in row.measured.items():
            value = measured.of(words, system)
            if value is None:
                continue
            first = measured.row(expression.terms(words, system)[0])
            line = dict({name: first[name] for name in ("unit", "n") + KEY[:3]}, row=row.name, system=system,
                        value="%.2f" % value, kernel=_kernel(first["kernel"]))
            if expression.is_ratio(words):
                line.update(unit=RATIO + expression.terms(words, system)[1].system, value="%.4f" % value)
            lines.append(line)
    return lines


def _kernel(name):
    """hyperscope's commit is no key: another one's figures are what is to be compared."""
    return re.sub(r"^hyperscope [^,]*", "hyperscope", name)


def _step(line):
    return 0 if line["unit"].startswith(RATIO) else STEP


def made_with(lines):
    """With what they were measured, as sentences' parts: compilers, QEMUs and firmware, then Linux KVM's kernels."""
    keys = {"%s, QEMU %s, %s" % (line["compiler"], line["qemu"], line["opensbi"].partition(" sha")[0]) for line in lines}
    return sorted(keys) + sorted({line["kernel"] for line in lines if line["system"] == "linux"})


def read(path):
    """measured.csv, which may be of a program of one's own."""
    try:
        lines = csvfile.read(path, MEASURED, ("value",), more=True)
        csvfile.once(lines, ("row", "system"))
    except ValueError as error:
        raise LaunchError("%s: %s" % (path, error)) from None
    except OSError as error:
        raise LaunchError("%s: %s" % (path, error.strerror)) from None
    return lines


def verdicts(paper, lines):
    """Each claim for each system that it is for: what names none is of the hypervisors on which its rows are
    to be measured, not of bare. One whose rows were not measured there is not left out: that is told."""
    units = {(line["system"], line["row"]): line["unit"] for line in lines if not line["unit"].startswith(RATIO)}
    figures = {(line["system"], line["row"]): float(line["value"]) for line in lines}
    for each in paper.claims:
        for look in each.looks:
            named = {row for system, row in look.rows if not system}
            systems = [system for system in HYPERVISORS
                       if all(system in paper.rows[row].measured for row in named)] if named else [""]
            for system in systems or ["hyperscope"]:
                found = {units[its or system, row] for its, row in look.rows if (its or system, row) in units}
                if len(found) > 1:
                    raise LaunchError("%s: `%s` is of %s: they do not compare" % (
                        paper.name, look.text, " and of ".join(sorted(found))))
                yield Judged(each, look, system, claim.value(look, figures, system))


def differences(paper, lines):
    """Each line of expected.csv beside what was measured."""
    found = {(line["row"], line["system"]): line for line in lines}
    for line in paper.expected:
        own = found.get((line["row"], line["system"]))
        if own is None:
            yield Difference(line, None, line["unit"], False, False)
            continue
        key = all(line[name] == own[name] for name in KEY)
        tolerance = float(line["tolerance"]) if key else OTHER_KEY
        value, expected = float(own["value"]), float(line["value"])
        yield Difference(line, value, own["unit"], key, own["unit"] == line["unit"] and
                         abs(value - expected) <= max(tolerance * abs(expected), _step(line)))


def unexpected(paper, lines):
    """Lines that were measured of rows that the paper has, and of which expected.csv says nothing. Where it is
    empty nobody has written yet what is expected: that is told otherwise."""
    there = {(line["row"], line["system"]) for line in paper.expected}
    return [line for line in lines if there and (line["row"], line["system"]) not in there
            and line["system"] in getattr(paper.rows.get(line["row"]), "measured", ())]


def _tolerance(paper, line):
    named = expression.terms(paper.rows[line["row"]].measured[line["system"]], line["system"])
    if any(is_application(term.row) for term in named):
        return WHOLE_GUEST
    if line["system"] != "linux":
        return 0
    return LINUX


def expected_if_any(paper):
    """What cannot be read is written anew, whole; and a check of one's own may do without."""
    try:
        return paper.expected
    except LaunchError:
        return []


def expected_of(paper, lines):
    """expected.csv's lines, of what was measured; what was not stays as it is."""
    found = [dict({name: line[name] for name in ("row", "system", "value", "unit") + KEY},
                  tolerance="%g" % _tolerance(paper, line)) for line in lines]
    new = {(line["row"], line["system"]) for line in found}
    found += [line for line in expected_if_any(paper) if (line["row"], line["system"]) not in new
              and line["system"] in paper.rows[line["row"]].measured]
    return sorted(found, key=lambda line: list(paper.rows).index(line["row"]))
