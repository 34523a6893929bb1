#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""served.py - run a command of scripts/hyperscope many times, each time in a child of a process that has imported it.

usage: served.py COMMAND FILE [MODULE...]

Each line of standard input has the words of one call, quoted as for a shell. The output and the errors of the call
are written to FILE, and its exit status to standard output. MODULEs are imported, too. tests/lib/served.sh uses this.
"""
import importlib
import os
import shlex
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "scripts"))
from hs import main  # noqa: E402


def call(command, words, path):
    """Run the command in a child, and return its exit status."""
    child = os.fork()
    if not child:
        out = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.dup2(out, 1)
        os.dup2(out, 2)
        main.run(["hyperscope", command, *words])
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def serve(command, path, *modules):
    for module in ("hs.commands." + command, *modules):
        importlib.import_module(module)
    for line in sys.stdin:
        print(call(command, shlex.split(line), path), flush=True)


if __name__ == "__main__":
    serve(*sys.argv[1:])
