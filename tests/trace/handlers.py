#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""handlers.py - does every handler in the dispatch table (src/kvm/exit.c) emit an event?

usage: handlers.py [TOP]     prints the handlers that emit none

A handler emits one if its own text, or that of a function it calls, at most DEPTH calls down, has a
call of trace_kvm_NAME() or trace_gstage_NAME(). Function pointers are not followed.
"""
import glob
import os
import re
import sys

DEPTH = 3
TOP = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "..", "..")


def functions():
    """name -> body, of every function in src/kvm."""
    bodies = {}
    for path in glob.glob(os.path.join(TOP, "src", "kvm", "*.c")):
        with open(path, encoding="utf-8") as source:
            text = re.sub(r"/\*.*?\*/", "", source.read(), flags=re.S)
        for match in re.finditer(r"^[a-zA-Z_][^;={}#]*?\b(\w+)\([^;{}]*\)\n\{\n(.*?)^\}", text,
                                 re.M | re.S):
            bodies[match.group(1)] = match.group(2)
    return bodies


def emits(name, bodies, depth=DEPTH):
    body = bodies.get(name, "")
    if re.search(r"\btrace_(kvm|gstage)_\w+\(", body):
        return True
    calls = set(re.findall(r"\b(\w+)\(", body)) & set(bodies)
    return depth > 0 and any(emits(call, bodies, depth - 1) for call in calls)


def handlers(bodies):
    with open(os.path.join(TOP, "src", "kvm", "exit.c"), encoding="utf-8") as source:
        text = source.read()
    table = re.search(r"exit_table\[\] = \{(.*?)\};", text, re.S).group(1)
    named = set(re.findall(r"= (\w+),", table))
    # What exit_handle() calls for what has no row, and for the one cause that it knows itself.
    named |= set(re.findall(r"return (exit_\w+)\(", bodies["exit_handle"]))
    return sorted(named)


def main():
    bodies = functions()
    found = handlers(bodies)
    if len(found) < 8:
        print("only %d handlers were found: this script no longer reads exit.c" % len(found))
        return 1
    silent = [name for name in found if not emits(name, bodies)]
    for name in silent:
        print(name)
    return bool(silent)


if __name__ == "__main__":
    sys.exit(main())
