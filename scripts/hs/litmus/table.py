# SPDX-License-Identifier: MIT
"""table.py - read scripts/litmus.handshakes, whose first comment explains the format."""
import os
import re
from typing import NamedTuple

from hs.errors import STATUS_USAGE, LaunchError
from hs.paths import TOP

TABLE = os.path.join(TOP, "scripts", "litmus.handshakes")
KINDS = ("load", "store", "amo", "lr", "sc", "fence", "reads", "writes")
WRITES = ("store", "amo", "sc", "writes")
SYNTHETIC = ("reads", "writes")  # stand for accesses that are not in the code, such as the guest's
RETURN = "return"  # the place of an access after the functions of a part
_STEP = re.compile(r"(\w+)(?: (\w+)(?:=(-?\d+))?(?: as (\w+))?(?: of (\w+\.[\w.]+))?)?(?:\s+(?:(\S+?)(?::(\w+))?:/(.*)/|(return)))?$")
MAX_LINES = 5  # of a statement


class Step(NamedTuple):
    """One memory access or fence of a side: what it does, and the statement that it was compiled from."""
    kind: str
    variable: str
    value: str   # that a store, amo or sc writes
    label: str   # name of the loaded value
    member: str  # STRUCT.MEMBER, to choose between several accesses of the statement; or ""
    file: str
    lines: range
    place: str   # FILE:/RE/


class Part(NamedTuple):
    """Steps that one path through these functions executes."""
    functions: tuple
    steps: list


class Handshake:
    def __init__(self, name, rule, line):
        self.name = name
        self.rule = rule
        self.line = line
        self.claim = ""
        self.exists = ""
        self.start = []   # (variable, value)
        self.sides = []   # lists of Part


def _statement(path, function, pattern, where):
    """Return the lines of the only statement, in this function if one is named, whose first line matches."""
    try:
        with open(os.path.join(TOP, path), encoding="utf-8") as file:
            text = file.read().split("\n")
    except OSError as error:
        raise LaunchError("%s: %s: %s" % (where, path, error.strerror)) from None
    inside, found = not function, []
    for number, line in enumerate(text, 1):
        if function and re.match(r"\w.*\b%s\(.*[^;]$" % function, line) and not line.startswith("\t"):
            inside = True
        if inside and re.search(pattern, line):
            found.append(number)
        if function and line == "}":
            inside = False
    if len(found) != 1:
        raise LaunchError("%s: %s:%s/%s/ matches %d lines, not one"
                          % (where, path, function and function + ":" or "", pattern, len(found)))
    last = found[0]
    while not path.endswith(".S") and last < found[0] + MAX_LINES and not re.search(r"[;{}]\s*(/\*.*)?$", text[last - 1]):
        last += 1
    return range(found[0], last + 1)


def _step(text, where):
    match = _STEP.match(text)
    if not match or match.group(1) not in KINDS or (match.group(1) == "fence") == bool(match.group(2)):
        raise LaunchError("%s: not a step: %s" % (where, text))
    kind, variable, value, label, member, path, function, pattern, place = match.groups()
    if (kind in WRITES) != (value is not None):
        raise LaunchError("%s: %s %s a value: %s" % (where, kind, "needs" if kind in WRITES else "does not write", text))
    if not path and kind not in SYNTHETIC:
        raise LaunchError("%s: %s needs a place, FILE:/RE/: %s" % (where, kind, text))
    return Step(kind, variable or "", value or "", label or variable or "", member or "", path or "",
                _statement(path, function, pattern, where) if path else range(0),
                "%s:/%s/" % (path, pattern) if path else place or "")


def _repeated(lines):
    """Return (number, line) of each line; those of a handshake with `for` lines once for each of these."""
    found, block, rows = [], [], []
    for number, line in enumerate(lines + ["handshake"], 1):
        words = line.split()
        if words[:1] in (["handshake"], ["spare"]):
            for row in rows or [None]:
                found += [(at, text if row is None else _filled_in(text, row)) for at, text in block]
            block, rows = [], []
        if words[:1] == ["for"]:
            rows.append(words[1:])
        else:
            block.append((number, line))
    return found


def _filled_in(text, row):
    try:
        return re.sub(r"\$(\d)", lambda match: row[int(match.group(1)) - 1].replace(",", " "), text)
    except IndexError:
        raise LaunchError("%s: 'for %s' has too few words for: %s"
                          % (os.path.relpath(TABLE, TOP), " ".join(row), text.strip())) from None


def read(path=TABLE):
    """Return the handshakes of the table, in its order, and what none of them needs: (file, lines, reason)."""
    handshakes, spare, steps = [], [], None
    with open(path, encoding="utf-8") as file:
        lines = file.read().split("\n")
    for number, line in _repeated(lines):
        where = "%s:%d" % (os.path.relpath(path, TOP), number)
        text = "" if line.startswith("#") else line.strip()
        word, _, rest = text.partition(" ")
        if not text:
            continue
        if word == "handshake":
            name, _, rule = rest.partition(" ")
            handshakes.append(Handshake(name, rule.strip(), where))
            continue
        if word == "spare":
            match = re.match(r"(\S+?)(?::(\w+))?:/(.*)/ (.*)$", rest)
            if not match:
                raise LaunchError("%s: not FILE:/RE/ REASON: %s" % (where, rest))
            file_name, function, pattern, reason = match.groups()
            spare.append((file_name, _statement(file_name, function, pattern, where), reason))
            continue
        if not handshakes:
            raise LaunchError("%s: a table begins with a handshake" % where)
        now = handshakes[-1]
        if word == "never":
            now.claim = rest
        elif word == "exists":
            now.exists = rest
        elif word == "start":
            now.start += [tuple(pair.split("=")) for pair in rest.split()]
        elif word in ("side", "then"):
            steps = []
            if word == "side":
                now.sides.append([])
            now.sides[-1].append(Part(tuple(rest.split()), steps))
        elif steps is None:
            raise LaunchError("%s: not a line of the table: %s" % (where, text))
        else:
            steps.append(_step(text, where))
    for now in handshakes:
        if not now.claim or not now.exists or len(now.sides) < 2:
            raise LaunchError("%s: a handshake needs a claim (never), a condition (exists) and two sides" % now.line)
    return handshakes, spare


def chosen(names):
    """Return the handshakes of these names, or all; and what none of the table's needs."""
    handshakes, spare = read()
    known = [handshake.name for handshake in handshakes]
    for name in names:
        if name not in known:
            raise LaunchError("there is no handshake '%s'; see --list" % name, STATUS_USAGE)
    return [handshake for handshake in handshakes if not names or handshake.name in names], spare
