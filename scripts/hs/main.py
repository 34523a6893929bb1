# SPDX-License-Identifier: MIT
"""main.py - `scripts/hyperscope COMMAND`: list the commands, or run one of them."""
import difflib
import importlib
import os
import sys
import textwrap

from hs import ends
from hs.errors import RETURN_A_STATUS, STATUS_HELP
from hs.paths import TOP

SHELL = os.path.join(TOP, "scripts", "shell")
# Debian's Python has matplotlib and Jupyter; another Python in PATH may lack them.
PYTHON = "/usr/bin/python3"
OF_DEBIAN = ("plot", "figures", "notebooks")

# A command's module is imported only when the command is called, because sweep's imports alone take 0.07 s.
# So the summaries that --help prints are kept here.
GROUPS = (
    ("Run guests, look inside, do labs (students)", {
        "run": "boot a guest in a VM",
        "exec": "run a static riscv64 Linux program on the host",
        "gdb": "start a machine under gdb, stopped at its first instruction",
        "walk": "play a walkthrough in gdb, forward and backward",
        "lab": "create the tree of a lab",
        "grade": "grade the tree of a lab",
        "probe": "show a machine's features and how hyperscope uses them",
        "setup": "install packages and fetch files for running, testing, ..."}),
    ("Measure (researchers)", {
        "bench": "measure the cost of each kind of exit",
        "bench-apps": "measure the cost of running a whole guest",
        "bench-levels": "count the exits that an exit of a guest's guest causes",
        "workload": "hyperscope as one ELF file, for cores and simulators",
        "kvm-history": "measure the exits of Linux KVM, kernel by kernel",
        "compare": "compare the costs of exits with those of another commit",
        "anatomy": "show how an exit's instructions are spent, by function",
        "profile": "count the instructions of a workload, by function",
        "flamegraph": "draw a flame graph from folded stacks",
        "irqs-off": "measure how long each path keeps interrupts off",
        "locks": "count instructions under each lock, and waits for it",
        "measure": "measure a payload or another workload on all systems",
        "sweep": "run a job for each combination of parameters",
        "plot": "plot the results of a sweep or of the benchmark",
        "figures": "plot measured data; --docs: update the docs' figures",
        "notebooks": "run the notebooks"}),
    ("Reproduce papers (reviewers)", {
        "reproduce": "measure the tables of papers and check their claims",
        "reproduce-verify": "measure in two folders and compare the results",
        "artifact": "pack an artifact, or run its ten-minute check"}),
    ("Change hyperscope (engineers)", {
        "new": "add a payload, device, toggle, event, ... to the sources",
        "check": "check the sources: format, size, references, lint",
        "check-commits": "check the subject lines of commits",
        "equivalence": "compare random programs, bare and in a guest",
        "kselftest": "run Linux's own KVM selftests",
        "linux-kvm": "run a program on Linux KVM, in the same QEMU",
        "course": "check the course's pages and labs",
        "litmus": "check lock-free handshakes under the memory model",
        "leaderboard": "rank the submissions of the contest",
        "reading-order": "generate docs/reading-order.md",
        "try-clean": "test a new user's first steps in a minimal distribution",
        "try-gradescope": "run a lab's autograder in a container",
        "completion": "print shell completion for bash or zsh"}),
)
# Commands that `hyperscope check`, make and the tests call.
PARTS = ("check-headers", "check-includes", "check-kvm-api", "check-order", "check-refs", "check-size", "check-spec",
         "check-sret", "check-words", "compile-commands", "mkinitrd")
COMMANDS = [name for _, group in GROUPS for name in group] + list(PARTS)


def usage():
    lines = ["usage: scripts/hyperscope COMMAND [options] ..."]
    for title, group in GROUPS:
        lines += ["", title + ":"] + ["  %-17s %s" % pair for pair in group.items()]
    lines += ["", "scripts/hyperscope COMMAND --help describes a command and its options.",
              "scripts/hyperscope --version prints the version and the commit.",
              *textwrap.wrap("Called by check, make and the tests: %s." % ", ".join(PARTS), 79, subsequent_indent="  ",
                             break_on_hyphens=False),
              "", "Wrong use ends with status 2. The following commands return the status of a",
              "program, which may be 2, so their status for wrong use is 125:",
              "%s." % ", ".join(RETURN_A_STATUS),
              "", "run and exec:", STATUS_HELP]
    return "\n".join(lines)


def unknown(name):
    near = difflib.get_close_matches(name, COMMANDS, 3)
    return "hyperscope: unknown command '%s'%s; --help lists the commands\n" % (
        name, near and " (did you mean %s?)" % " or ".join(near) or "")


def call(name, argv):
    """Run a command that is written in Python, and exit."""
    module = importlib.import_module("hs.version" if name == "--version" else "hs.commands." + name.replace("-", "_"))
    ends.exit_by(getattr(module, "PREFIX", name), lambda: module.main(argv), *getattr(module, "FAILURES", ()), command=name)


def run(argv):
    """Run the command line ARGV. Does not return."""
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
