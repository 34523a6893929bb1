#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""handlers.py - check that every handler in the dispatch table (src/kvm/exit/exit.c) emits an event.

usage: handlers.py [TOP]     prints the handlers that do not emit an event

A handler emits an event if its own body, or that of a function at most DEPTH calls below it, contains a
call to trace_kvm_NAME() or trace_gstage_NAME(). Function pointers are not followed. The fast paths that
assembly calls (switch_fast.S) count as handlers. fields.py checks that each exit of a run has an event from
its handler, whatever path the exit took.

The script checks itself: for each handler in turn, it removes the events from the handler and from all functions
that emits() searches below it; the script must then report that handler. A function or a row of the table that the
script cannot read is an error.
"""
import glob
import os
import re
import sys

DEPTH = 3
TOP = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "..", "..")


def functions():
    """Return name -> body for every function in src/kvm."""
    bodies = {}
    for path in glob.glob(os.path.join(TOP, "src", "kvm", "**", "*.c"), recursive=True):
        with open(path, encoding="utf-8") as source:
            text = re.sub(r"/\*.*?\*/|__attribute__\(\(.*?\)\) ?", "", source.read(), flags=re.S)
        found = 0
        for match in re.finditer(r"^[a-zA-Z_][^;={}#]*?\b(\w+)\([^;{}]*\)\n\{\n(.*?)^\}", text,
                                 re.M | re.S):
            bodies[match.group(1)] = match.group(2)
            found += 1
        begun = len(re.findall(r"^\{$", text, re.M))
        if found != begun:
            sys.exit("%s: only %d of %d functions can be read" % (path, found, begun))
    return bodies


def emits(name, bodies, depth=DEPTH):
    body = bodies.get(name, "")
    if re.search(r"\btrace_(kvm|gstage)_\w+\(", body):
        return True
    calls = set(re.findall(r"\b(\w+)\(", body)) & set(bodies)
    return depth > 0 and any(emits(call, bodies, depth - 1) for call in calls)


def reach(name, bodies, depth=DEPTH):
    """Return the functions whose bodies emits() searches: `name` and all those at most `depth` calls below it."""
    calls = set(re.findall(r"\b(\w+)\(", bodies.get(name, ""))) & set(bodies)
    return {name}.union(*(reach(call, bodies, depth - 1) for call in calls if depth > 0))


def is_noticed_mute(name, bodies):
    """Return whether the handler is reported once events are removed from it and from all functions it reaches."""
    mute = dict(bodies)
    for function in reach(name, bodies):
        mute[function] = re.sub(r"\btrace_\w+\(", "none(", mute[function])
    return name in handlers(mute) and not emits(name, mute)


def handlers(bodies):
    with open(os.path.join(TOP, "src", "kvm", "exit", "exit.c"), encoding="utf-8") as source:
        text = source.read()
    table = re.search(r"exit_table\[\] = \{(.*?)\};", text, re.S).group(1)
    named = set(re.findall(r"= (\w+),", table))
    if len(re.findall(r"= (\w+),", table)) != table.count("[EXC_"):
        sys.exit("exit_table has a row that cannot be read")
    with open(os.path.join(TOP, "src", "kvm", "exit", "switch_fast.S"), encoding="utf-8") as source:
        named |= set(re.findall(r"\bfast_exit\s+(vcpu_fast_\w+)", source.read()))
    # Add the handlers that the code names: those for interrupts and for causes without a row, and exit_sbi().
    choice = bodies["exit_dispatch"] + bodies["exit_handler"]
    named |= set(re.findall(r"\bexit_\w+", choice)) & set(bodies) - {"exit_handler"}
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
    for name in found:
        if name not in silent and not is_noticed_mute(name, bodies):
            print("%s would not be reported if it emitted no event" % name)
            silent.append(name)
    return bool(silent)


if __name__ == "__main__":
    sys.exit(main())
