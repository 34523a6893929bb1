# SPDX-License-Identifier: MIT
"""main.py - `scripts/hyperscope COMMAND`: the list of commands, and the call of one."""
import difflib
import importlib
import os
import sys
import textwrap

from hs import ends
from hs.errors import STATUS_HELP
from hs.paths import TOP

SHELL = os.path.join(TOP, "scripts", "shell")
# Debian's Python is the one that has matplotlib and Jupyter; another one in PATH has not.
PYTHON = "/usr/bin/python3"
OF_DEBIAN = ("figures", "notebooks")

# A module is imported when its command is called, since sweep's imports alone take 0.07 s. So what --help
# says of each stands here.
GROUPS = (
    ("Run guests, look inside, do the labs (students)", {
        "run": "boot a guest in a VM",
        "exec": "run a static riscv64 Linux program on the host",
        "gdb": "start a machine, stopped at its first instruction, in gdb",
        "walk": "play a walkthrough in gdb, forwards and backwards",
        "lab": "create the tree of a lab",
        "grade": "grade the tree of a lab",
        "probe": "show what a machine offers, and how that is used",
        "setup": "install and fetch what running, testing, labs ... need"}),
    ("Measure (researchers)", {
        "bench": "measure what each exit costs, on one system or several",
        "bench-apps": "measure what a whole guest costs",
        "compare": "compare the costs of exits with another commit's",
        "anatomy": "show where inside one exit the instructions go",
        "profile": "count every instruction of a workload, by function",
        "flamegraph": "draw a flame graph of folded stacks",
        "irqs-off": "measure how long each path keeps interrupts off",
        "sweep": "run a job for each combination of parameters",
        "figures": "plot measured data; --docs: write figures into the docs",
        "notebooks": "run the notebooks"}),
    ("Reproduce papers (reviewers)", {
        "reproduce": "measure papers' tables here, and check their claims",
        "reproduce-verify": "measure again in another folder, and compare the bytes",
        "artifact": "pack an artifact, or try it for ten minutes"}),
    ("Change hyperscope (engineers)", {
        "new": "add a payload, device, toggle, event ... to the sources",
        "check": "check the sources: format, size, references, lint",
        "check-commits": "check the subjects of commits",
        "kselftest": "run Linux's own KVM selftests",
        "linux-kvm": "run a program on Linux KVM, in the same QEMU",
        "course": "check the course's pages and labs",
        "leaderboard": "rank the submissions of the contest",
        "reading-order": "write docs/reading-order.md",
        "try-clean": "do what a new user does, in a minimal distribution",
        "try-gradescope": "run a lab's autograder as its container does",
        "completion": "print completion for bash or zsh"}),
)
# What check and make call.
PARTS = ("check-headers", "check-includes", "check-kvm-api", "check-order", "check-refs", "check-size", "check-spec",
         "check-sret", "check-words", "compile-commands", "mkinitrd")
COMMANDS = [name for _, group in GROUPS for name in group] + list(PARTS)


def usage():
    lines = ["usage: scripts/hyperscope COMMAND [options] ..."]
    for title, group in GROUPS:
        lines += ["", title + ":"] + ["  %-17s %s" % pair for pair in group.items()]
    lines += ["", "scripts/hyperscope COMMAND --help says more.",
              "scripts/hyperscope --version prints the version and the commit.",
              *textwrap.wrap("Called by check and make: %s." % ", ".join(PARTS), 79, subsequent_indent="  ",
                             break_on_hyphens=False),
              "", "run and exec:", STATUS_HELP]
    return "\n".join(lines)


def unknown(name):
    near = difflib.get_close_matches(name, COMMANDS, 3)
    return "hyperscope: unknown command '%s'%s; --help lists what there is\n" % (
        name, near and ": is it %s?" % " or ".join(near) or "")


def call(name, argv):
    """One command, of Python."""
    module = importlib.import_module("hs.version" if name == "--version" else "hs.commands." + name.replace("-", "_"))
    ends.exit_by(getattr(module, "PREFIX", name), lambda: module.main(argv), *getattr(module, "FAILURES", ()))


def run(argv):
    """Does not return."""
    name, rest = (argv + [""])[1], argv[2:]
    if name in ("", "-h", "--help", "help"):
        ends.exit_by("hyperscope", lambda: print(usage(), file=sys.stdout if name else sys.stderr) or (0 if name else 2))
    if name != "--version" and name not in COMMANDS:
        sys.stderr.write(unknown(name))
        sys.exit(2)
    shell = os.path.join(SHELL, name)
    if os.path.exists(shell):
        os.execv(shell, [shell] + rest)
    if name in OF_DEBIAN and os.path.exists(PYTHON) and os.path.realpath(sys.executable) != os.path.realpath(PYTHON):
        os.execv(PYTHON, [PYTHON] + argv)
    call(name, rest)
