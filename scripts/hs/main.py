# SPDX-License-Identifier: MIT
"""main.py - `scripts/hyperscope COMMAND`: the list of commands, and the call of one."""
import difflib
import importlib
import os
import sys

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
        "gdb": "a machine that has not begun yet, with gdb at it",
        "walk": "play a walkthrough: step, look, and back",
        "lab": "make a lab's tree",
        "grade": "grade a lab",
        "probe": "say what a platform has, and what follows from it",
        "setup": "install and fetch what a purpose needs"}),
    ("Measure (researchers)", {
        "bench": "what each exit costs, on one system or several",
        "bench-apps": "what a whole guest costs",
        "compare": "this tree's exits beside another commit's",
        "anatomy": "where inside one exit the instructions go",
        "profile": "every instruction of a workload, by function",
        "flamegraph": "draw folded stacks",
        "irqs-off": "how long each path keeps interrupts off",
        "sweep": "run a table of parameters, each combination a job",
        "figures": "draw what was measured; --docs: what the docs have of it",
        "notebooks": "run the notebooks"}),
    ("Reproduce papers (reviewers)", {
        "reproduce": "papers' tables, measured here, and their claims",
        "reproduce-verify": "measure again, elsewhere: are figures equal to the byte?",
        "artifact": "pack it all, or try it for ten minutes"}),
    ("Change hyperscope (engineers)", {
        "new": "add a payload, device, toggle, event ... to the sources",
        "check": "what a machine can tell of the sources",
        "check-commits": "check the subjects of commits",
        "kselftest": "Linux's own KVM selftests",
        "linux-kvm": "run a program on Linux KVM, in the same QEMU",
        "course": "do the course's pages and labs hold?",
        "leaderboard": "the labs' contest, in order",
        "reading-order": "write docs/reading-order.md",
        "try-clean": "do what a new user does, in a bare distribution",
        "try-gradescope": "run a lab's autograder as its container does",
        "completion": "print completion for bash or zsh"}),
)
# What check and make call.
PARTS = ("check-headers", "check-includes", "check-kvm-api", "check-order", "check-refs", "check-size", "check-spec", "check-sret",
         "compile-commands", "mkinitrd")
COMMANDS = [name for _, group in GROUPS for name in group] + list(PARTS)


def usage():
    lines = ["usage: scripts/hyperscope COMMAND [options] ..."]
    for title, group in GROUPS:
        lines += ["", title + ":"] + ["  %-17s %s" % pair for pair in group.items()]
    lines += ["", "scripts/hyperscope COMMAND --help says more.",
              "scripts/hyperscope --version prints the version and the commit.",
              "Called by check and make: %s," % ", ".join(PARTS[:4]), "  %s." % ", ".join(PARTS[4:]),
              "", "Of run and exec: " + STATUS_HELP]
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
