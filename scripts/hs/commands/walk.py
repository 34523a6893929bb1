# SPDX-License-Identifier: MIT
"""walk - play a walkthrough, in which gdb takes a machine from stop to stop.

Each step announces what will happen, waits for Enter, does it, shows what has
changed, and explains why. make walk TOUR=NAME builds first, then calls this
command. docs/walkthroughs/README.md describes the commands at the prompt, and
how to write a tour.
"""
import difflib
import os
import re
import signal
import stat
import subprocess
import sys
import tempfile

from hs import ends
from hs.errors import STATUS_USAGE, LaunchError
from hs.gdb import tour
from hs.parser import of_command, seconds
from hs.paths import HYPERSCOPE, QEMU, TOP
from hs.run import machine

# The guest has little memory, because going back requires copies of all of it. Time slices are practically endless:
# otherwise, the time spent at a stop would count, and threads would switch at points other than those on the tour's
# page.
OPTIONS = ["--quiet", "--icount", "--harts", "1"]
OF_GUEST = ["--vcpus", "1", "--memory", "32M"]
BOOT = "sched.slice_ms=3600000"
QEMU_TELLS_V = (10, 0)
# Pages are compared only if gcc and gdb have these versions: a page depends on what gcc inlines and on how gdb
# reports a stop.
GCC, GDB = "12", "13"


def parse(argv):
    parser = of_command(
        "walk", __doc__,
        epilog="exit status: 0; 1 an expectation of the tour did not hold, or its page is not\n"
        "current; 2 usage error; 125 other failure")
    parser.add_argument("tour", metavar="TOUR", nargs="*",
                        help="name of a tour (--list shows them), or path of a .tour file")
    parser.add_argument("--list", action="store_true", help="list the tours")
    parser.add_argument("--auto", action="store_true",
                        help="do not wait for Enter; end at the first expectation that does not hold")
    parser.add_argument("--write", action="store_true",
                        help="play the tour, and write docs/walkthroughs/TOUR.md from the session")
    parser.add_argument("--check", action="store_true",
                        help="play the tour, and compare the session with docs/walkthroughs/TOUR.md")
    parser.add_argument("--timeout", metavar="SECONDS", type=seconds, default=120,
                        help="time limit for a tour with --auto, otherwise for each command (120)")
    parser.add_out()
    options = parser.parse_args(argv)
    if not options.list and not options.tour:
        parser.error("no tour was named; --list shows the tours")
    options.auto |= options.write or options.check
    if not options.auto and len(options.tour) > 1:
        parser.error("several tours need --auto")
    return options


def load(name):
    path = name if name.endswith(".tour") else tour.path_of(name)
    try:
        return path, tour.load(path)
    except OSError:
        raise LaunchError("there is no tour '%s'; --list shows the tours" % name, STATUS_USAGE) from None
    except tour.Wrong as error:
        raise LaunchError(str(error), STATUS_USAGE) from None


def show_list():
    for name in tour.names():
        one = tour.load(tour.path_of(name))
        print("%-16s %s (%d steps)" % (name, one.title, len(one.steps)))


def machine_of(one, out):
    """Return the options for scripts/hyperscope gdb, and the guest or program to run, with its arguments. A --boot of
    the tour is merged with BOOT, because only the last --boot counts."""
    words, boot = one.machine.split(), BOOT
    if "--boot" in words:
        at = words.index("--boot")
        boot = " ".join([boot] + words[at + 1:at + 2])
        del words[at:at + 2]
    options = OPTIONS + ["--boot", boot] + words
    kind, *program = one.guest.split()
    if kind == "exec":
        if not program:
            raise LaunchError("%s.tour: 'guest: exec' needs a program" % one.name, STATUS_USAGE)
        return ["--exec"] + options, [machine.need(os.path.join(out, program[0]), "run make")] + program[1:]
    if kind not in ("linux", "hello"):
        kind = machine.need(os.path.join(out, "guest-payloads", kind + ".bin"), "run make")
    return OF_GUEST + options, [kind]


def need_keys():
    """Check that standard input can provide keys: a terminal, or a pipe or file as in tests, but not /dev/null."""
    try:
        nobody = stat.S_ISCHR(os.fstat(0).st_mode) and not os.isatty(0)
    except OSError:  # closed
        nobody = True
    if nobody:
        raise LaunchError("standard input cannot provide keys: use a terminal, or --auto (make walk: ARGS=--auto)",
                          STATUS_USAGE)


def play(path, on, options, page):
    """Play the tour and return the exit status. ON is the result of machine_of()."""
    out = options.out
    wanted, runs = on
    command = [HYPERSCOPE, "gdb", "--out", out] + wanted
    if options.auto:
        command += ["--timeout", "%g" % options.timeout]
    words = ["--seconds", "%g" % options.timeout] + (["--auto", "--page", page] if options.auto else [])
    command += runs + ["--", "-nx", "-ex", "hs tour " + " ".join(words + [path])]
    if options.auto:
        command.insert(-2, "-batch")
    # Ctrl-C stops the machine: gdb handles it, and this script continues.
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        return ends.call(command, stdin=subprocess.DEVNULL if options.auto else None)
    finally:
        signal.signal(signal.SIGINT, before)


def other_tools(options):
    """Return why this session cannot be compared with the page, or None if it can."""
    with open(os.path.join(options.out, "hyperscope.elf"), "rb") as image:
        found = re.search(rb"GNU C\d* (\d+)\.", image.read())
    gcc = found.group(1).decode() if found else "unknown"
    output = subprocess.run(["gdb-multiarch", "--version"], stdout=subprocess.PIPE, check=False).stdout.decode()
    gdb = (re.search(r"(\d+)\.\d+[^\n]*\n", output) or ["", "unknown"])[1]
    if (gcc, gdb) == (GCC, GDB):
        return None
    return "pages are made with gcc %s and gdb %s; the versions here are %s and %s" % (GCC, GDB, gcc, gdb)


def compare(one, text):
    """Return whether docs/walkthroughs/NAME.md is equal to TEXT. If not, print the difference."""
    path = os.path.join(tour.PAGES, one.name + ".md")
    try:
        with open(os.path.join(TOP, path), encoding="utf-8") as old:
            before = old.read()
    except OSError:
        before = ""
    if before == text:
        return True
    sys.stderr.writelines(difflib.unified_diff(before.splitlines(True), text.splitlines(True), path, "this session", n=1))
    sys.stderr.write("walk: %s is not current: run scripts/hyperscope walk --write %s\n" % (path, one.name))
    return False


def one_tour(name, options):
    path, one = load(name)
    if not options.auto:
        need_keys()
    on = machine_of(one, options.out)  # before QEMU is checked, so that a faulty tour is always reported
    if machine.qemu_version(QEMU) < QEMU_TELLS_V:
        raise LaunchError("this QEMU does not tell gdb whether a hart is in HS or in VS; QEMU %d.%d does" % QEMU_TELLS_V)
    with tempfile.NamedTemporaryFile("r", encoding="utf-8", suffix=".md") as page:
        status = play(path, on, options, page.name)
        if status or not (options.write or options.check):
            return status
        text = page.read()
    if options.check:
        why = other_tools(options)
        if why:
            print("walk: %s: played, but not compared with its page: %s" % (one.name, why))
            return 0
        return 0 if compare(one, text) else 1
    with open(os.path.join(TOP, tour.PAGES, one.name + ".md"), "w", encoding="utf-8") as out:
        out.write(text)
    return 0


def main(argv):
    options = parse(argv)
    if options.list:
        show_list()
        return 0
    return max([one_tour(name, options) for name in options.tour])
