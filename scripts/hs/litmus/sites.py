# SPDX-License-Identifier: MIT
"""sites.py - find the accesses and fences of the kernel's sources that order memory accesses."""
import glob
import os
import re
from typing import NamedTuple

from hs.paths import TOP

FOLDERS = ("src/host", "src/kvm", "src/include")
_ORDERED = r"__ATOMIC_(?:ACQUIRE|RELEASE|ACQ_REL|SEQ_CST)\b"
# fence.i and sfence.vma are not in herd7's model of main memory.
_INSN = r"(?:^|[\s\"])(?:fence(?:\.tso)?(?=[\s\\\"])|\w+\.[wd]\.(?:aq|rl))"
_CALL = re.compile(r"\b(?:__atomic_\w+|__asm__(?: volatile)?)\(")
_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.S)


class Site(NamedTuple):
    """A statement, or a macro, that contains ordered accesses or a fence."""
    file: str
    lines: range

    @property
    def place(self):
        return "%s:%d" % (self.file, self.lines[0])


def _end(text, begin):
    """Return the position after the parenthesis that closes the one at BEGIN."""
    depth = 0
    for at in range(begin, len(text)):
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        if not depth:
            return at + 1
    return len(text)


def _begin(text, at):
    """Return the position of the first parenthesis of the statement that is still open at AT, else AT."""
    opened = []
    for position in range(max(text.rfind(end, 0, at) for end in ";{}") + 1, at):
        if text[position] == "(":
            opened.append(position)
        elif text[position] == ")" and opened:
            opened.pop()
    return opened[0] if opened else at


def of_text(text, assembly=False):
    """Return the lines, as ranges, of the ordered accesses and fences of a source file."""
    text = _COMMENT.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)
    if assembly:
        return [range(number, number + 1) for number, line in enumerate(text.split("\n"), 1) if re.search(_INSN, line)]
    found = []
    for match in _CALL.finditer(text):
        end = _end(text, match.end() - 1)
        if re.search(_INSN if match.group().startswith("__asm__") else _ORDERED, text[match.start():end]):
            begin = _begin(text, match.start())  # an argument of a call or macro has the line of the call
            first = text.count("\n", 0, begin) + 1
            found.append(range(first, first + text.count("\n", begin, end) + 1))
    return found


def read():
    """Return the ordered accesses and fences of the kernel's sources."""
    found = []
    for name in sorted(path for folder in FOLDERS for path in glob.glob(os.path.join(TOP, folder, "**", "*.[chS]"), recursive=True)):
        with open(name, encoding="utf-8") as file:
            text = file.read()
        found += [Site(os.path.relpath(name, TOP), lines) for lines in of_text(text, name.endswith(".S"))]
    return found
