# SPDX-License-Identifier: MIT
"""folded.py - read and write folded stacks: lines FRAME;FRAME;... COUNT, outermost frame first.

perf's helpers, inferno and speedscope also read this format. Counts of equal stacks are added. Empty lines
and lines that begin with "# " are ignored.
"""
import re

from hs.errors import STATUS_USAGE, LaunchError

LARGEST = 1 << 63
LINE = re.compile(r"^(.*\S)\s+([0-9]{1,19})$", re.S)


class Node:
    """A frame under one chain of callers, shared by all stacks that begin with the chain and the frame. own: count
    of the frame itself; total: that count and those of the frames that it called."""
    __slots__ = ("name", "own", "total", "children")

    def __init__(self, name):
        self.name = name
        self.own = 0
        self.total = 0
        self.children = {}


def read(lines, source):
    """Return stack (a tuple of names) -> count, from lines of text. `source` names them in error messages."""
    stacks = {}
    for number, line in enumerate(lines, 1):
        line = line.rstrip("\r\n")
        if not line.strip() or line.startswith("# "):
            continue
        found = LINE.match(line)
        if found is None or int(found.group(2)) >= LARGEST:
            raise LaunchError("%s, line %d: must have the form FRAME;FRAME;... COUNT"
                              % (source, number), STATUS_USAGE)
        stack = tuple(found.group(1).split(";"))
        stacks[stack] = stacks.get(stack, 0) + int(found.group(2))
    return stacks


def write(stacks, file):
    """Write the stacks in sorted order, so that equal stacks give equal bytes."""
    for stack in sorted(stacks):
        if stacks[stack]:
            file.write("%s %d\n" % (";".join(stack), stacks[stack]))


def frame(name):
    """Return a symbol's name as a frame, replacing the characters that would end the frame."""
    return " ".join(name.replace(";", ":").split()) or "?"


def tree(stacks, depth):
    """Return all stacks as one Node. Frames deeper than `depth` are added to the frame at that depth."""
    root = Node("all")
    for stack, count in stacks.items():
        if not count:
            continue
        node = root
        node.total += count
        for name in stack[:depth]:
            if name not in node.children:
                node.children[name] = Node(name)
            node = node.children[name]
            node.total += count
        node.own += count
    return root
