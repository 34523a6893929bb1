# SPDX-License-Identifier: MIT
"""judge.py - compute a paper's rows from the bench's figures, and compare them with claims and expected figures.

Figures are counts that can be reproduced with the same key: the compiler, QEMU, OpenSBI and kernel. With the same
key, they must agree with expected.csv, within its tolerance. With another key, differences are not failures: the
number of figures within 5 % is printed, and the others are listed.
"""
import re
from typing import NamedTuple

from hs.bench import csvfile, expression
from hs.bench.rows import is_application
from hs.bench.systems import NESTED, SYSTEMS
from hs.errors import LaunchError
from . import claim

MEASURED = ("row", "system", "value", "unit", "n", "compiler", "qemu", "opensbi", "kernel")
KEY = ("compiler", "qemu", "opensbi", "kernel")
OTHER_KEY = 0.05
SHOWN = SYSTEMS + (NESTED, "native")  # the systems of which the results of papers have figures
HYPERVISORS = tuple(system for system in SHOWN if system not in ("bare", "native"))
# Tolerance for Linux KVM: the memory layout of a booted Linux depends on everything in the initrd, including our
# programs (docs/bench.md).
LINUX = 0.02
# Tolerance for a whole guest, which also depends on timer ticks: figures of single memory layouts differ by up to
# 3 %, medians of five by less.
WHOLE_GUEST = 0.04
STEP = 0.5   # least tolerance for counts, in instructions; the resolution of a batch is 0.4
RATIO = "x "  # the beginning of the unit of a ratio: "x native"


class Judged(NamedTuple):
    claim: object
    look: object
    system: str
    found: object   # True or False, or None if the claim cannot be evaluated (claim.value())


class Difference(NamedTuple):
    line: dict      # line of expected.csv
    value: object   # measured value, or None
    unit: str       # unit of the measured value
    key: bool       # measured with the same key
    within: bool    # within the tolerance, and in the same unit

    def failed(self):
        """Return whether the figure is missing, or differs although the key is the same."""
        return self.value is None or self.key and not self.within


def rows_of(paper, results):
    """Return the paper's rows, computed from the rows that scripts/hyperscope bench measured."""
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
    """Remove hyperscope's commit from a kernel's name. The commit is not part of the key, because figures of different
    commits are to be compared."""
    return re.sub(r"^hyperscope [^,]*", "hyperscope", name)


def _step(line):
    return 0 if line["unit"].startswith(RATIO) else STEP


def made_with(lines):
    """Return what the lines were measured with: strings "COMPILER, QEMU VERSION, FIRMWARE", then kernels of Linux
    KVM."""
    keys = {"%s, QEMU %s, %s" % (line["compiler"], line["qemu"], line["opensbi"].partition(" sha")[0]) for line in lines}
    return sorted(keys) + sorted({line["kernel"] for line in lines if line["system"] == "linux"})


def read(path):
    """Read a CSV file of measured rows, which a user's own program may have written."""
    try:
        lines = csvfile.read(path, MEASURED, ("value",), more=True)
        csvfile.once(lines, ("row", "system"))
    except ValueError as error:
        raise LaunchError("%s: %s" % (path, error)) from None
    except OSError as error:
        raise LaunchError("%s: %s%s" % (path, error.strerror, ": measure first, with this paper's run, or scripts/hyperscope reproduce run"
                                        if isinstance(error, FileNotFoundError) else "")) from None
    return lines


def verdicts(paper, lines):
    """Yield a Judged for each claim and each system to which it applies, even if its rows were not measured. A claim
    that contains rows without a system applies to each hypervisor on which all of those rows are to be measured; it
    never applies to `bare` or `native`."""
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
                    raise LaunchError("%s: `%s` compares different units, %s" % (
                        paper.name, look.text, " and ".join(sorted(found))))
                yield Judged(each, look, system, claim.value(look, figures, system))


def differences(paper, lines):
    """Yield a Difference for each line of expected.csv."""
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
    """Return the measured lines of the paper's rows that are not in expected.csv. If that file is empty, return
    nothing, because this case is reported separately."""
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
    """Return the expected lines, or [] if expected.csv is missing or invalid: the caller may be about to rewrite the
    file, or may not need it."""
    try:
        return paper.expected
    except LaunchError:
        return []


def expected_of(paper, lines):
    """Return new lines for expected.csv from measured ones. Old lines of rows that were not measured are kept."""
    found = [dict({name: line[name] for name in ("row", "system", "value", "unit") + KEY},
                  tolerance="%g" % _tolerance(paper, line)) for line in lines]
    new = {(line["row"], line["system"]) for line in found}
    found += [line for line in expected_if_any(paper) if (line["row"], line["system"]) not in new
              and line["system"] in paper.rows[line["row"]].measured]
    return sorted(found, key=lambda line: list(paper.rows).index(line["row"]))
