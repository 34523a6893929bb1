# SPDX-License-Identifier: MIT
"""shrink.py - find the programs of a batch whose outcomes differ, shorten one, and print it."""
import re
import struct
import subprocess
import tempfile

from hs import layout
from hs.paths import cross_tool
from .compare import too_slow
from .systems import BARE, GUEST, SYSTEMS

MACHINE = {BARE: "bare machine", GUEST: "guest"}
MAX_PIECES = 128  # src/guest/equivalence/equivalence.h
PIECE = re.compile(r"piece (\d+) (\S+) ([0-9a-f]+): ([0-9a-f ]+)$")
CODE = re.compile(r"code at ([0-9a-f]+), arena at ([0-9a-f]+)$")


def without(systems, number, mask):
    """Return whether the program differs, and the groups of pieces, largest first, without each of which it does. Return
    None if a form of the program ended a machine or hung it, because then the outcomes of later forms are unknown."""
    found = systems.both(first=number, keep="%032x" % mask, without=True)
    if any(found[name].error for name in SYSTEMS):
        return None
    results = {name: {(int(start), int(size)): digest for start, size, digest in found[name].rows("without")} for name in SYSTEMS}
    differs = found[BARE].rows("with") != found[GUEST].rows("with")
    return differs, [group for group in sorted(results[BARE], key=lambda group: (-group[1], group[0]))
                     if results[BARE][group] != results[GUEST].get(group)]


def left_out(mask, groups):
    for start, size in groups:
        mask &= ~(((1 << size) - 1) << start)
    return mask


def form_differs(systems, number, mask):
    """Return whether one form of the program differs, in a boot of its own. If both machines end early, it is unknown
    whether for the same reason, so it does not count as a difference."""
    found = systems.both(first=number, count=1, batch=1, keep="%032x" % mask)
    if found[BARE].timed_out:
        raise too_slow(BARE, found[BARE])
    outcomes = [found[name].digests().get((number, 1)) for name in SYSTEMS]
    return outcomes[0] != outcomes[1]


def shrink_one_by_one(systems, number, mask, progress):
    """Shrink a program that ends a machine in some of its forms. Each form takes a boot."""
    size = MAX_PIECES // 2
    while size:
        for start in range(0, MAX_PIECES, size):
            smaller = left_out(mask, [(start, size)])
            if smaller != mask and form_differs(systems, number, smaller):
                mask = smaller
        progress("program %d: pieces that are left: at most %d" % (number, bin(mask).count("1")))
        size //= 2
    return mask


def shrink(systems, number, progress):
    """Return the mask of a smallest set of pieces with which the program still differs."""
    mask = (1 << MAX_PIECES) - 1
    found = without(systems, number, mask)
    while found and found[1]:
        # Most differences have one cause: try to leave out everything that is not needed, else one group.
        groups = found[1]
        single = [group for group in groups if group[1] == 1]
        for smaller in (left_out(mask, single), left_out(mask, groups[:1])):
            found = without(systems, number, smaller)
            if not found or found[0]:
                break
        if not found:
            break
        mask = smaller
        progress("program %d: pieces that are left: %d" % (number, bin(mask).count("1")))
        if not found[0]:
            return mask
    return mask if found else shrink_one_by_one(systems, number, mask, progress)


def detail(systems, number, mask):
    return systems.both(first=number, keep="%032x" % mask, detail=True)


def disassembled(words, address):
    """Return the instructions as lines of text; the words alone if there is no objdump."""
    with tempfile.NamedTemporaryFile(prefix="equivalence.") as file:
        file.write(b"".join(struct.pack("<H", int(word, 16)) for word in words))
        file.flush()
        try:
            text = subprocess.run([cross_tool("objdump"), "-D", "-b", "binary", "-m", "riscv:rv64", "-M", "no-aliases",
                                   "--adjust-vma=%#x" % address, file.name],
                                  stdout=subprocess.PIPE, check=True, universal_newlines=True).stdout
        except (OSError, subprocess.CalledProcessError):
            return ["    " + " ".join(words)]
    return ["    " + " ".join(line.split()) for line in text.splitlines() if re.match(r" *[0-9a-f]+:\t", line)]


def program(found):
    """Return the lines that show the pieces of a program; `user` is listed last and contains others."""
    base = next((int(match.group(1), 16) for match in map(CODE.match, found.lines) if match), 0)
    pieces = [match.groups() for match in map(PIECE.match, found.lines) if match]
    spans = {number: (int(at, 16), int(at, 16) + 2 * len(words.split())) for number, _, at, words in pieces}
    lines = []
    for number, name, at, words in sorted(pieces, key=lambda piece: (int(piece[2], 16), -len(piece[3]))):
        start, end = spans[number]
        inside = any(other != number and span[0] <= start and end <= span[1] for other, span in spans.items())
        lines.append("  piece %s: %s%s" % (number, name, " (in U mode)" if inside else ""))
        if not inside:
            lines += disassembled(words.split(), base + int(at, 16))
    return lines


def state(found):
    """Return the lines of the outcome, by what they describe."""
    rows = {}
    for line in found.lines:
        match = re.match(r"(trap \d+(?:, H)?): (.*)|(.*) = ([0-9a-f]+)$", line)
        if match:
            rows[match.group(1) or match.group(3)] = match.group(2) or match.group(4)
    return rows


def folded(head, fields):
    """Return a row of fields, such as "scause 2 stval 0", that is folded only between fields."""
    return layout.row(head, re.sub(r"(\S+) (\S+)", "\\1\u00a0\\2", fields)).replace("\u00a0", " ")


def differences(results):
    """Return the lines that compare the two outcomes: traps first, up to the first that differs, then the state. If a
    machine ended early, its state is unknown."""
    lines = ["  the %s %s" % (MACHINE[name], "hangs: it " + results[name].error if results[name].timed_out else "ends during the program")
             for name in SYSTEMS if results[name].error]
    rows = {name: state(results[name]) for name in SYSTEMS}
    names = [] if lines else list(dict.fromkeys(list(rows[BARE]) + list(rows[GUEST])))
    for name in names:
        values = [rows[system].get(name, "none") for system in SYSTEMS]
        if values[0] != values[1]:
            lines += ["  %s" % name] + [folded("    %-6s " % system, value) for system, value in zip(SYSTEMS, values)]
    return lines[:40] + (["  ... %d more lines" % (len(lines) - 40)] if len(lines) > 40 else [])


def show(systems, number, mask):
    results = detail(systems, number, mask)
    found = differences(results)
    pieces = sum(PIECE.match(line) is not None for line in results[BARE].lines)
    print("\nprogram %d, shrunk to %s (keep=%032x):" % (number, layout.counted(pieces, "piece"), mask))
    print("\n".join(program(results[BARE])))
    print("\nwhat differs:")
    print("\n".join(found) or "  nothing: the difference does not repeat in this form")
