# SPDX-License-Identifier: MIT
"""litmus - check lock-free handshakes of the compiled kernel under RISC-V's memory model.

Each handshake of scripts/litmus.handshakes becomes a litmus test. Its accesses,
fences and dependencies are taken from the code of build/hyperscope.elf. herd7
tries all executions that RVWMO allows. The forbidden outcome must never occur.
Nor may it occur if only the orders of the table's own accesses and fences
remain, without dependencies, which C does not promise, and without other
fences. For each fence and each aq or rl bit, the test is repeated without it.
Then the outcome must occur, unless the table gives the reason why it cannot.
Each ordered access and fence of src/host, src/kvm and src/include has to be in
the table.
"""
import contextlib
import functools
import itertools
import linecache
import os
import re
import sys
import time

from hs import ends, layout
from hs.errors import LaunchError
from hs.litmus import emit, herd, sites, table
from hs.litmus.code import Code
from hs.litmus.path import Walker
from hs.parser import of_command, readable
from hs.paths import TOP
from hs.run.machine import need, shown


def parse(words):
    parser = of_command(
        "litmus", __doc__, usage="scripts/hyperscope litmus [options] [HANDSHAKE...]",
        epilog="exit status: 0; 1 a forbidden outcome is possible, a fence is not needed, or an\n"
        "ordered access is not in the table; 2 usage error; 125 other failure, such as\n"
        "code that lacks an expected access")
    parser.add_argument("handshakes", metavar="HANDSHAKE", nargs="*", help="handshake to check (all)")
    parser.add_argument("--list", action="store_true", help="list the handshakes")
    parser.add_argument("--sites", action="store_true",
                        help="check only that each ordered access of the sources is in the table; needs no build")
    parser.add_argument("--mutants", action="store_true", help="also show for each fence and bit whether the forbidden "
                        "outcome is possible without it, or whether this handshake does not need it")
    parser.add_argument("--keep", metavar="DIR", help="keep the tests in DIR, one .litmus file for each")
    parser.add_argument("--elf", metavar="FILE", type=readable, help="kernel to check (build/hyperscope.elf)")
    parser.add_out("output folder of the build ($O, else build/)")
    options = parser.parse_args(words)
    if options.sites and options.handshakes:
        parser.error("--sites checks the whole table: name no handshake")
    if options.keep and os.path.exists(options.keep) and not os.path.isdir(options.keep):
        parser.error("--keep %s: not a folder" % options.keep)
    return options


def paths(part, code, handshake):
    return sorted(Walker(code, part, handshake.line).paths(), key=str) if part.functions else [None]


@functools.lru_cache(maxsize=None)
def is_explicit(file, line):
    """Return whether this line of the sources is a fence on its own."""
    return bool(re.search(r"__atomic_thread_fence|\bfence\t", linecache.getline(os.path.join(TOP, file), line)))


class Case:
    """A handshake's tests: the code as it is, by each of its paths, and without each removable part."""

    def __init__(self, handshake, code):
        self.handshake = handshake
        self.tests = {}    # name -> text
        self._names = {}   # text without comments -> name: paths may differ in nothing else
        sides = [[[(part, items) for items in paths(part, code, handshake)] for part in side] for side in handshake.sides]
        variants = list(itertools.product(*(list(itertools.product(*side)) for side in sides)))
        self.parts = {}    # (address, part) -> instruction
        for threads in variants:
            self.parts.update(emit.weakenings(threads))
        steps = [step for side in handshake.sides for part in side for step in part.steps]
        frames = code.frames(self.parts.values())
        self.own = {key for key in self.parts if key[1] != "dependency" and any(
            frames[key[0]][0][0] == step.file and frames[key[0]][0][1] in step.lines for step in steps)
            or key[1] == "fence" and is_explicit(*frames[key[0]][0])}
        extras = frozenset(self.parts.keys() - self.own)
        self.names = {self._add(threads, ()) for threads in variants}
        self.bare = {self._add(threads, tuple(self.parts)) for threads in variants}
        self.plain = {self._add(threads, extras) for threads in variants}
        self.mutants, self.plain_mutants = {}, {}  # (address, part) -> names of tests
        for key, threads in itertools.product(self.parts, variants):
            if key in emit.weakenings(threads):
                self.mutants.setdefault(key, set()).add(self._add(threads, (key,)))
                self.plain_mutants.setdefault(key, set()).add(self._add(threads, extras | {key}))
        self.insns = max(sum(len(items or ()) for side in threads for _, items in side) for threads in variants)

    def _add(self, threads, without):
        """Add a test, unless there is the same. Return its name. The comment begins with what the test lacks."""
        name = "%s-%d" % (self.handshake.name, len(self.tests))
        text = emit.litmus(name, self.handshake, threads, without)
        lacks = ["%s of '%s' (%s, %x)" % (part, self.parts[address, part].text, self.parts[address, part].function, address)
                 for address, part in sorted(without) if (address, part) in emit.weakenings(threads)]
        text = text.replace("(* ", "(* without %s\n" % ", ".join(lacks) if lacks else "(* the code as it is\n", 1)
        name = self._names.setdefault(text.partition("*)")[2], name)
        self.tests.setdefault(name, text)
        return name

    def problems(self, found):
        """Return what is wrong with the handshake."""
        if not any(found[name] for name in self.bare):
            return ["impossible even without fences, so the test proves nothing"]
        return (["possible (%s)" % name for name in sorted(self.names) if found[name]] or
                ["possible without what is there by chance (%s)" % name for name in sorted(self.plain) if found[name]])

    def needs(self, key, found):
        """Return whether the outcome is possible without this part. A fence of a step also counts if something else,
        which is there by chance, has the same effect: a dependency, which C does not promise, or another fence."""
        return any(found[name] for name in self.mutants[key]) or key in self.own and not any(
            found[name] for name in self.plain) and any(found[name] for name in self.plain_mutants[key])


def show(case, found, needed_by, options):
    handshake = case.handshake
    problems = case.problems(found)
    print(layout.row("%-14s %-7s %5d %5d  %2d of %-2d  " % (
        handshake.name, handshake.rule, case.insns, len(case.names), sum(case.needs(key, found) for key in case.own),
        len(case.own)), "; ".join(problems) or "never"))
    if options.mutants:
        print(layout.row("    forbidden: ", handshake.claim))
    for address, part in sorted(case.mutants) if options.mutants else ():
        insn = case.parts[address, part]
        others = sorted(needed_by.get((address, part), set()) - {handshake.name})
        what = "%s of '%s' (%s, %x)" % ("the effect" if part == "dependency" else part, insn.text, insn.function, address)
        if case.needs((address, part), found):
            print(layout.row("    possible without ", what, "      "))
        elif (address, part) in case.own:
            what += others and "; needed by " + ", ".join(others) or ""
            print(layout.row("    not needed here: ", what, "      "))
    return bool(problems)


def not_named(handshakes, spare, quiet=True):
    """Print the ordered accesses of the sources that the table does not contain, and, unless QUIET, how many of them are
    in which part of the table. Return whether any is missing."""
    steps = [step for handshake in handshakes for side in handshake.sides for part in side for step in part.steps]
    ordered = {(step.file, line) for step in steps for line in step.lines}
    excused = {(file, line) for file, lines, _ in spare for line in lines}
    counts, missing = [0, 0], []  # counts: in handshakes, only in 'spare' lines
    for site in sites.read():
        lines = {(site.file, line) for line in site.lines}
        if lines & ordered:
            counts[0] += 1
        elif lines & excused:
            counts[1] += 1
        else:
            missing.append(site)
    for site in missing:
        print("%s: scripts/litmus.handshakes has this ordered access in no handshake and in no 'spare' line" % site.place)
    if not quiet:
        print("%d ordered accesses and fences: %d in handshakes, %d only in 'spare' lines" % (
            sum(counts) + len(missing), counts[0], counts[1]) + (", %d missing" % len(missing) if missing else ""))
    return bool(missing)


def reason_for(spare, file, lines):
    """Return the row of a 'spare' line for one of these lines of the sources, or None."""
    return next((row for row in spare if row[0] == file and any(line in row[1] for line in lines)), None)


def not_needed(cases, needed_by, spare, code):
    """Print what no handshake needs, and what the table wrongly says of that. Return whether there is any."""
    used = {None}
    problems = []
    parts = {key: case.parts[key] for case in cases for key in case.parts if key[1] != "dependency"}
    own = {key for case in cases for key in case.own}
    frames = {key: code.frames([insn])[insn.address] for key, insn in parts.items()}
    for key in sorted(own - needed_by.keys()):
        reasons = {reason_for(spare, file, [line]) for file, line in frames[key]}
        used |= reasons
        if reasons == {None}:
            insn = parts[key]
            problems.append("no handshake needs %s of '%s' (%s, %s:%d)" % (key[1], insn.text, insn.function, *frames[key][0]))
    needed = {frames[key][0] for key in parts if key in needed_by}
    for site in sites.read():
        if not any((site.file, line) in needed for line in site.lines):
            reason = reason_for(spare, site.file, site.lines)
            used.add(reason)
            if not reason:
                problems.append("no handshake needs the order of %s" % site.place)
    problems += ["%s:%d is listed as spare, but a handshake needs it" % (row[0], row[1][0]) for row in spare if row not in used]
    print("".join(line + "\n" for line in problems), end="")
    return bool(problems)


def main(argv):
    options = parse(argv)
    handshakes, spare = table.chosen(options.handshakes)
    if options.list:
        for handshake in handshakes:
            print(layout.row("%-14s %-7s " % (handshake.name, handshake.rule), handshake.claim))
        return 0
    unnamed = not options.handshakes and not_named(handshakes, spare, quiet=not options.sites)
    if options.sites:
        return 1 if unnamed else 0
    program = herd.find(options.out)
    if not program:
        raise LaunchError("herd7 is not installed: run 'scripts/hyperscope setup herd7', or set $HERD7")
    elf = options.elf or need(os.path.join(options.out, "hyperscope.elf"), "run make")
    begin = time.monotonic()
    sys.stderr.write("litmus: checking %s of %s ...\n" % (layout.counted(len(handshakes), "handshake"), shown(elf)))
    code = Code(elf)
    parts = [part for handshake in handshakes for side in handshake.sides for part in side]
    code.prepare({name for part in parts for name in part.functions},
                 {step.member for part in parts for step in part.steps if step.member})
    cases = [Case(handshake, code) for handshake in handshakes]
    with contextlib.ExitStack() as stack:
        if options.keep:
            os.makedirs(options.keep, exist_ok=True)
        folder = options.keep or stack.enter_context(ends.folder("litmus."))
        found = herd.run(program, {name: text for case in cases for name, text in case.tests.items()}, folder)
    needed_by = {}
    for case in cases:
        for key in case.mutants:
            if case.needs(key, found):
                needed_by.setdefault(key, set()).add(case.handshake.name)
    print("%-14s %-7s %5s %5s  %-8s  %s" % ("handshake", "rule", "insns", "paths", "needed", "forbidden outcome"))
    bad = [case.handshake for case in cases if show(case, found, needed_by, options)]
    # An order that is missing makes other orders of its handshake appear to be unnecessary.
    failed = bool(bad) or unnamed or (not options.handshakes and not_needed(cases, needed_by, spare, code))
    for handshake in bad:
        print(layout.row("FAILED: %s: " % handshake.name, handshake.claim, "  "))
    if bad:
        print("to see the tests: scripts/hyperscope litmus --keep DIR %s" % " ".join(handshake.name for handshake in bad))
    print("%s, %s, %.1f s" % (layout.counted(len(cases), "handshake"), layout.counted(len(found), "test"), time.monotonic() - begin))
    return 1 if failed else 0
