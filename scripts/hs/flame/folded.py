# SPDX-License-Identifier: MIT
"""folded.py - folded stacks: lines FRAME;FRAME;... COUNT, outermost frame first.

It is the form that perf's helpers, inferno and speedscope read, too. Lines of the same stack add up;
empty lines and lines that begin with "# " are left out.
"""
import re

from hs.errors import STATUS_USAGE, LaunchError

LARGEST = 1 << 63
LINE = re.compile(r"^(.*\S)\s+([0-9]+)$", re.S)


class Node:
    """A frame in its place: all stacks that begin alike. total: with what it called."""
    __slots__ = ("name", "own", "total", "children")

    def __init__(self, name):
        self.name = name
        self.own = 0
        self.total = 0
        self.children = {}


def read(lines, source):
    """stack (a tuple of names) -> count, of text lines from `source`."""
    stacks = {}
    for number, line in enumerate(lines, 1):
        line = line.rstrip("\r\n")
        if not line.strip() or line.startswith("# "):
            continue
        found = LINE.match(line)
        if found is None or int(found.group(2)) >= LARGEST:
            raise LaunchError("%s, line %d: not a stack FRAME;FRAME... and a count"
                              % (source, number), STATUS_USAGE)
        stack = tuple(found.group(1).split(";"))
        stacks[stack] = stacks.get(stack, 0) + int(found.group(2))
    return stacks


def write(stacks, file):
    """The same stacks have the same bytes."""
    for stack in sorted(stacks):
        if stacks[stack]:
            file.write("%s %d\n" % (";".join(stack), stacks[stack]))


def frame(name):
    """A symbol's name as a frame: what would end it is replaced."""
    return " ".join(name.replace(";", ":").split()) or "?"


def tree(stacks, depth):
    """All stacks as one Node; of those with more than `depth` frames the rest counts for the last."""
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
