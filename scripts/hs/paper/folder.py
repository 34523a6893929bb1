# SPDX-License-Identifier: MIT
"""folder.py - read a paper's folder below notebooks-data/papers: claims.md and two tables.

claims.md is written for people; two parts of it are parsed. One is a table of rows,

    | row | in the paper | measured here | what that is |

where "measured here" is an expression of the bench (hs/bench/expression.py) or `-`. An expression applies to
every system, or only to hyperscope if it has a setting such as a toggle; `; linux:...` and `; bare:...` after it
give the expressions for the other systems. `nested:...` is hyperscope as a guest of hyperscope, with the
payload in a guest's guest. `boot / native:boot` applies to all systems except native. The other
part is the claims: below each `## ID: SENTENCE` are lines that state what is expected of the rows:

    Holds: `hypercall < io_user`                        on each hypervisor that has the rows
    Holds: `linux.hypercall > 2 * hyperscope.hypercall`
    Does not hold: `hyperscope.trap < hyperscope.hypercall`
    Not here: a sentence that says why
"""
import functools
import os
import re
from typing import NamedTuple

from hs import toggles
from hs.bench import csvfile, expression, guests, rows
from hs.bench.systems import SYSTEMS
from hs.errors import LaunchError
from hs.paths import TOP
from . import claim
from .judge import HYPERVISORS, SHOWN

_SETTINGS: dict = {"linux": {"trace", "halt_poll_ns"}, "bare": set(), "native": set()}
PAPERS = os.path.join(TOP, "notebooks-data", "papers")
HEAD = ["row", "in the paper", "measured here", "what that is"]
PUBLISHED = ("row", "system", "value", "unit", "source")
EXPECTED = ("row", "system", "value", "unit", "tolerance", "compiler", "qemu", "opensbi", "kernel")
_SECTION = re.compile(r"## ([a-z0-9-]+): (.+)")
_VERDICT = re.compile(r"(Holds|Does not hold): `([^`]+)`$")
_NOT_HERE = re.compile(r"Not here: (.+)")
_ALIKE = re.compile(r"\W*(holds|does not hold|not here)\b[^`]*:", re.I)  # probably meant as _VERDICT or _NOT_HERE


def _shown(path):
    """Return a path for messages: relative to the tree's top, or absolute if it is outside."""
    inside = os.path.relpath(path, TOP)
    return path if inside.startswith(os.pardir + os.sep) else inside


def _check_setting(system, setting):
    """Raise ExpressionError if the results of papers have no column for SYSTEM, if SYSTEM does not have SETTING, or if
    SETTING gives a toggle its default value. Besides toggles, hyperscope has trace= and exitstat=; Linux KVM has only
    trace= and halt_poll_ns=; bare and native have no settings."""
    if system and system not in SHOWN:
        raise expression.ExpressionError("%s has no column in the results of papers; these have one: %s" % (
            system, ", ".join(SHOWN)))
    names = {word.partition("=")[0] for word in setting.split()}
    if names - _SETTINGS.get(system, names):
        raise expression.ExpressionError("%s has no %s" % (system, ", ".join(sorted(names - _SETTINGS[system]))))
    words = [word for word in setting.split() if word.partition("=")[0] not in ("trace", "exitstat")]
    try:
        toggles.check_toggles(TOP, words, "toggle")
    except LaunchError as error:
        raise expression.ExpressionError(str(error)) from None
    usual = toggles.initial(TOP)
    for word in words:
        name, _, value = word.partition("=")
        if usual.get(name) == value:
            raise expression.ExpressionError("%s is the default: write the row without it" % word)


def _systems_of(part):
    """Return the systems to which an expression applies. The divisor of a ratio may be a figure of another system."""
    named = expression.terms(part, "")
    for term in named:
        _check_setting(term.system, term.setting)
    divided = expression.is_ratio(part) and named[1].system
    systems = {term.system for term in (named[:1] if divided else named)} - {""}
    if len(systems) > 1:
        raise expression.ExpressionError("a figure cannot have two systems")
    if systems:
        return systems
    if any(term.setting for term in named):
        return ("hyperscope",)
    return [system for system in (guests.SYSTEMS if rows.is_application(named[0].row) else SYSTEMS) if system != divided]


def _by_system(words):
    """Return {system: expression} for a row's cell "measured here"."""
    return {system: part.strip() for part in words.split(";") for system in _systems_of(part)}


class Row(NamedTuple):
    name: str
    theirs: str      # name in the paper
    measured: dict   # system -> expression; empty if the row is not measured
    what: str


class Claim(NamedTuple):
    name: str
    sentence: str
    looks: tuple    # claim.Look objects
    not_here: str   # why the claim cannot be checked here, or ""


class Paper:
    """The contents of a paper's folder. LaunchErrors name the file and, where possible, the line or row."""

    def __init__(self, path):
        self.path, self.name = path, os.path.basename(path)
        self.title, self.rows, self.claims = "", {}, []
        try:
            with open(os.path.join(path, "claims.md"), encoding="utf-8") as file:
                self._read(file.read().splitlines())
        except UnicodeDecodeError:
            raise self._wrong(1, "not UTF-8 text") from None
        self.published = self._table("published.csv", PUBLISHED)

    @functools.cached_property
    def expected(self):
        """Lines of expected.csv, read on demand, so that a command can rewrite the file even if it is invalid."""
        lines = self._table("expected.csv", EXPECTED)
        try:
            self._check_expected(lines)
        except ValueError as error:
            raise LaunchError("%s: %s" % (_shown(os.path.join(self.path, "expected.csv")), error)) from None
        return lines

    def _wrong(self, number, text):
        return LaunchError("%s:%d: %s" % (_shown(os.path.join(self.path, "claims.md")), number, text))

    def _read(self, lines):
        section, looks, why = None, [], []

        def end():
            if section:
                if not looks and not why:
                    raise self._wrong(section[0], "claim '%s' has no line Holds: `...`, Does not hold: `...` or "
                                      "Not here: ..." % section[1])
                self.claims.append(Claim(section[1], section[2], tuple(looks), " ".join(why)))

        in_table = False
        for number, line in enumerate(map(str.rstrip, lines), 1):
            cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
            in_table = bool(cells) and (in_table or cells == HEAD)
            if in_table:
                self._read_row(number, cells)
            elif line.startswith("# ") and not self.title:
                self.title = line[2:].strip()
            elif line.startswith("## "):
                end()
                found = _SECTION.fullmatch(line)
                section = (number, found.group(1), found.group(2)) if found else None
                if section and any(each.name == section[1] for each in self.claims):
                    raise self._wrong(number, "there is a claim '%s' already" % section[1])
                looks, why = [], []
            elif section and _VERDICT.fullmatch(line):
                holds, text = _VERDICT.fullmatch(line).groups()
                try:
                    looks.append(claim.read(text, holds == "Holds", self.rows))
                except claim.ClaimError as error:
                    raise self._wrong(number, error) from None
            elif _ALIKE.match(line) and not (section and _NOT_HERE.fullmatch(line)):
                raise self._wrong(number, "not of the form Holds: `hypercall < io_user`" if section else
                                  "this line belongs to no claim: write a line such as ## fast-path: SENTENCE above it")
            elif section and _NOT_HERE.fullmatch(line):
                why = [_NOT_HERE.fullmatch(line).group(1)]
            elif why and line and not line.startswith(("|", "#", "-", "```")):
                why.append(line.strip())
            elif why and not line:
                why = [" ".join(why)]
        end()
        if not self.rows:
            raise self._wrong(1, "the table of rows is missing: | %s |" % " | ".join(HEAD))

    def _read_row(self, number, cells):
        if cells == HEAD or set("".join(cells)) <= set("-:"):
            return
        if len(cells) != len(HEAD):
            raise self._wrong(number, "a row has %d cells, not %d" % (len(HEAD), len(cells)))
        name, theirs, measured, what = cells
        name, measured = name.strip("`"), measured.replace("`", "")
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or name in self.rows:
            raise self._wrong(number, "row '%s': the name of a row has to be unique, and consist of a-z, 0-9 and _" % name)
        try:
            self.rows[name] = Row(name, theirs, {} if measured == "-" else _by_system(measured), what)
        except expression.ExpressionError as error:
            raise self._wrong(number, "`%s`: %s" % (measured, error)) from None

    def _table(self, name, columns):
        path = os.path.join(self.path, name)
        shown = _shown(path)
        try:
            lines = csvfile.read(path, columns, [column for column in ("value", "tolerance") if column in columns])
            for line in lines:
                if line["row"] not in self.rows:
                    raise ValueError("claims.md has no row '%s'" % line["row"])
        except FileNotFoundError:
            raise LaunchError("%s is missing: write at least its first line, %s"
                              % (shown, ",".join(columns))) from None
        except ValueError as error:
            raise LaunchError("%s: %s" % (shown, error)) from None
        return lines

    def _check_expected(self, lines):
        csvfile.once(lines, ("row", "system"))
        for line in lines:
            if line["system"] not in self.rows[line["row"]].measured:
                raise ValueError("row '%s' is not measured on '%s'" % (line["row"], line["system"]))
            if not 0 <= float(line["tolerance"]) <= 1:
                raise ValueError("row '%s': the tolerance, a share of the value, is not between 0 and 1" % line["row"])

    def only(self, systems):
        """Remove the expressions, claims and expected figures that need systems other than these. Return self."""
        expected = self.expected  # before the loop, because reading the file checks its lines against row.measured
        for row in self.rows.values():
            for system, words in list(row.measured.items()):
                if not {system}.union(term.system for term in expression.terms(words, system)) <= set(systems):
                    del row.measured[system]
        self.expected = [line for line in expected if line["system"] in self.rows[line["row"]].measured]
        claims = [each._replace(looks=tuple(filter(self._can_see, each.looks))) for each in self.claims]
        self.claims = [each for each in claims if each.looks or each.not_here]
        return self

    def _can_see(self, look):
        """Return whether a claim can be checked: each row with a system is measured on that system, and there is a
        hypervisor on which all other rows are measured."""
        anywhere = [row for system, row in look.rows if not system]
        return all(system in self.rows[row].measured for system, row in look.rows if system) and (
            not anywhere or any(all(system in self.rows[row].measured for row in anywhere) for system in HYPERVISORS))

    def terms(self):
        """Return the terms that the bench has to measure."""
        return {term for row in self.rows.values() for system, words in row.measured.items()
                for term in expression.terms(words, system)}


def all_papers():
    try:
        names = sorted(os.listdir(PAPERS))
    except FileNotFoundError:
        names = []
    return [Paper(os.path.join(PAPERS, name)) for name in names if os.path.isfile(os.path.join(PAPERS, name, "claims.md"))]


def find(name):
    """Return the paper whose folder has this name or path."""
    path = name if os.path.isfile(os.path.join(name, "claims.md")) else os.path.join(PAPERS, name)
    if not os.path.isfile(os.path.join(path, "claims.md")):
        raise LaunchError("there is no paper '%s'; known papers: %s" % (
            name, ", ".join(paper.name for paper in all_papers()) or "none"), 2)
    return Paper(os.path.abspath(path))
