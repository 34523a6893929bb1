# SPDX-License-Identifier: MIT
"""locks - count the instructions that the host's kernel executes under each lock.

A workload runs on hyperscope under a QEMU plugin. For each lock, the output
shows how often it was taken, how many instructions were executed under it, in
total and at most, and how often a hart or a thread had to wait for it. Nothing
in the machine is changed. Except with --clock wall, a second run gives the
same figures.
"""
import csv
import os
import re

from hs import ends, output, plugin
from hs.anatomy import symbols
from hs.errors import STATUS_USAGE, LaunchError
from hs.parser import of_command
from hs.paths import TOP
from hs.run.machine import MAX_SHIFT
from hs.spans import run

MAX_HARTS = 64  # of the plugin (trace/plugin/harts.h)
FUNCTIONS = {"switch": "switch_context", "end": "host_first_exited", "lock": "mutex_lock",
             "interruptible": "mutex_lock_interruptible", "killable": "mutex_lock_killable",
             "trylock": "mutex_trylock", "unlock": "mutex_unlock", "wait": "wait_for"}
ARGUMENT = re.compile(r"lock\w*\(&?((?:to_\w+\(\w+\))?[\w.>\-\[\]]+)")  # the lock in a call of a function that takes it
SPINLOCK = ("spin_lock", "spin_trylock")
VAGUE = ("lock", "mutex", "read_lock", "write_lock")  # names of members of several structs
MEMBERS = {"vcpu": "kvm_vcpu"}  # members that point to a struct with such a lock, with the struct's name
CALL_SIZE = 4  # bytes of a call instruction, before the address to which it returns


def parse(words):
    parser = of_command(
        "locks", __doc__,
        usage="scripts/hyperscope locks [options] WORKLOAD...\n"
        "       scripts/hyperscope locks [options] -- PROGRAM ARGS...",
        epilog="exit status: 0; 2 usage error; 124 ended by --timeout; 125 other failure")
    parser.add_argument("workload", metavar="WORKLOAD", nargs="*",
                        help="workloads to run; scripts/hyperscope irqs-off --list shows them")
    plugin.add_machine(parser)
    parser.add_argument("--clock", metavar="LIST", default="0",
                        help="clocks to run with, separated by commas: N for --icount-shift N, or 'wall' for no "
                        "--icount, where harts run in parallel (0)")
    parser.add_argument("--over", metavar="N", type=int, default=0,
                        help="show only locks under which more than N instructions were executed (0)")
    parser.add_argument("--csv", metavar="FILE", help="also write the table to FILE")
    plugin.add_run(parser, "QEMU to use, version 9 or newer", "time limit for each run")
    words, program = plugin.split_program(parser, words)
    options = parser.parse_args(words)
    options.program = program
    if bool(program) == bool(options.workload):
        parser.error("name either workloads or a program")
    options.clock = options.clock.split(",")
    for clock in options.clock:
        if clock != "wall" and not (clock.isdecimal() and int(clock) <= MAX_SHIFT):
            parser.error("--clock %s: neither 'wall' nor a number up to %d" % (clock, MAX_SHIFT))
    plugin.check_options(options)
    if options.harts > MAX_HARTS:
        raise LaunchError("--harts %d: the plugin counts at most %d harts" % (options.harts, MAX_HARTS), STATUS_USAGE)
    parser.written("--csv", options.csv)
    return options


class Lock:
    """A lock's counts in one run. `where`: the function that executed the most instructions under it at once."""

    def __init__(self, clock, name, kind):
        self.clock, self.name, self.kind = clock, name, kind
        self.times = self.contended = self.held = self.longest = self.waited = 0
        self.where = ""

    def add(self, counts, where):
        times, contended, held, longest, waited = counts
        self.times += times
        self.contended += contended
        self.held += held
        self.waited += waited
        if longest >= self.longest:
            self.longest, self.where = longest, where

    def row(self):
        return (self.clock, self.name, self.kind, self.times, self.held, self.longest, self.contended, self.waited,
                self.where)


COLUMNS = ("clock", "lock", "kind", "taken", "held", "longest", "contended", "waited", "longest_in")
TEXTS = ("clock", "lock", "kind", "longest_in")  # columns that are not numbers


class Places:
    """The places of the kernel's code that take a lock."""

    def __init__(self, out):
        self.image = symbols.Image.of_elf(symbols.KERNEL, os.path.join(out, "hyperscope.elf"))
        self.sources = {}

    def _source(self, path):
        if path not in self.sources:
            try:
                with open(os.path.join(TOP, path), encoding="utf-8") as file:
                    self.sources[path] = file.read().splitlines()
            except OSError:
                self.sources[path] = []
        return self.sources[path]

    def lock(self, kind, address):
        """Return the lock's name and the function that takes it. None: the instruction doesn't belong to a lock."""
        at = address if kind == "spin" else address - CALL_SIZE
        inline = self.image.inline.get(at, [])
        if kind == "spin":
            if not any(name in SPINLOCK for name, _ in inline):
                return None
            inline = [(name, place) for name, place in inline if name not in SPINLOCK]
        for name, place in inline:
            path, _, number = place.rpartition(":")
            lines = self._source(path)[:int(number)] if number.isdigit() else []
            found = ARGUMENT.search(lines[-1]) if lines else None
            if found:
                return lock_name(found.group(1), lines, os.path.basename(path)), name
        return self.image.function(at), self.image.function(at)


def lock_name(expression, lines, file):
    """Name a lock by its last member, or STRUCT.MEMBER if the member's name says too little; such a variable by its
    name and its file. EXPRESSION: the lock as it is taken in the last of LINES."""
    parts = re.split(r"->|\.", expression)
    if parts[-1] not in VAGUE:
        return parts[-1]
    if len(parts) == 1:
        return "%s (%s)" % (expression, file)
    owner = re.sub(r"\W.*", "", parts[-2])
    if len(parts) > 2 and owner in MEMBERS:
        owner, lines = MEMBERS[owner], []
    if parts[-2].startswith("to_"):
        owner, lines = owner[len("to_"):], []
    declared = re.compile(r"\bstruct (\w+) (?:(?!struct\b)[^;=(){}])*\b%s\b" % re.escape(owner))
    for line in reversed(lines if len(parts) == 2 else []):
        found = declared.search(line)
        if found:
            owner = found.group(1)
            break
    return "%s.%s" % (owner, parts[-1])


def read(path, what, clock, places):
    """Return the locks that the plugin recorded, the most instructions first."""
    found, lines = {}, [line.split() for line in plugin.lines_of(path, what)]
    counted = [line for line in lines if line[0] != "lost"]
    places.image.read_lines(int(line[1], 16) - (CALL_SIZE if line[0] == "mutex" else 0) for line in counted)
    for kind, address, *counts in counted:
        place = places.lock(kind, int(address, 16))
        if place:
            name, function = place
            found.setdefault((name, kind), Lock(clock, name, kind)).add([int(count) for count in counts], function)
    if ["lost", "0"] not in lines:
        raise LaunchError("%s: the plugin missed the release of a lock; its counts are not valid" % what)
    return sorted(found.values(), key=lambda lock: (-lock.held, lock.name))


def show(locks, options):
    print("instructions under locks; -cpu %s, %d hart%s%s"
          % (options.cpu, options.harts, "s" * (options.harts != 1), "".join(", " + value for value in options.set)))
    rows = [[name.replace("_", " ") for name in COLUMNS]] + [[str(value) for value in lock.row()] for lock in locks]
    widths = [max(map(len, column)) for column in zip(*rows)]
    for row in rows:
        print(" ".join(value.ljust(width) if name in TEXTS else value.rjust(width)
                       for name, width, value in zip(COLUMNS, widths, row)).rstrip())


def main(argv):
    options = parse(argv)
    places, locks = None, []
    with ends.folder("locks.") as folder:
        for workload in run.chosen(options, "locks.so"):
            places = places or Places(options.out)
            for clock in options.clock:
                words = () if clock == "wall" else ("--icount-shift", clock)
                what, out = run.run(workload, options, folder, "locks", FUNCTIONS, words)
                locks += read(out, what, clock, places)
    if options.csv:
        with output.of_option("--csv", options.csv) as file:
            csv.writer(file, lineterminator="\n").writerows([COLUMNS] + [lock.row() for lock in locks])
    show([lock for lock in locks if lock.held > options.over], options)
    return 0
