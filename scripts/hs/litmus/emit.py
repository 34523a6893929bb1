# SPDX-License-Identifier: MIT
"""emit.py - write a litmus test for herd7 from the paths of a handshake's sides.

Each access keeps its instruction, its aq and rl bits and its dependencies. Its address and value come
from registers that the test sets at the start, and its width is 32 bits; both do not affect the order.
"""
import re

from hs.errors import LaunchError
from hs.litmus import table
from hs.litmus.path import Access, Control, Fence

FIRST, LAST = 5, 31  # x5 to x31


class Thread:
    """One side of a test, as rows of assembly. without: (address, part) of instructions to weaken."""

    def __init__(self, number, where):
        self.number, self.where = number, where
        self.rows = []      # (instruction, comment)
        self.start = {}     # register -> value or variable
        self.result = {}    # label of a step -> register
        self.success = []   # results of sc: 0 if it has stored
        self._used = FIRST - 1
        self._labels = 0
        self._constant = {}

    def register(self):
        self._used += 1
        if self._used > LAST:
            raise LaunchError("%s: side %d needs more registers than there are" % (self.where, self.number))
        return "x%d" % self._used

    def constant(self, value):
        if value not in self._constant:
            self._constant[value] = self.register()
            self.start[self._constant[value]] = value
        return self._constant[value]

    def depending(self, value, registers):
        """Return a register with this value, computed so that it depends on these registers."""
        register = self.constant(value)
        for source in registers:
            zero, now = self.register(), self.register()
            self.rows += [("xor %s,%s,%s" % (zero, source, source), ""), ("add %s,%s,%s" % (now, register, zero), "")]
            register = now
        return register

    def add(self, part, items, without):
        """Add a part of this side; items: None for accesses that are not compiled code, which happen in this order."""
        if items is None:
            for step in part.steps:
                self.rows += [("fence rw,rw", "")] if self.rows else []
                self._synthetic(step, "")
            return
        results = {}

        def of(steps):
            return [results[step] for step in sorted(steps) if step in results]

        for item in items:
            at = item.insn.address
            if isinstance(item, Fence):
                if (at, "fence") not in without:
                    self.rows.append((fence(item.insn), item.insn))
            elif isinstance(item, Control):
                for source in of(item.steps) if (at, "dependency") not in without else ():
                    label = "L%d%d" % (self.number, self._labels)
                    self._labels += 1
                    self.rows += [("beq %s,x0,%s" % (source, label), item.insn), (label + ":", "")]
            else:
                self._access(part.steps[item.step], item, of, results, without)

    def _synthetic(self, step, insn):
        if step.kind == "reads":
            self.result[step.label] = self.register()
            self.rows.append(("lw %s,0(%s)" % (self.result[step.label], self.constant(step.variable)), insn))
        else:
            self.rows.append(("sw %s,0(%s)" % (self.constant(step.value), self.constant(step.variable)), insn))

    def _access(self, step, item, of, results, without):
        at, insn = item.insn.address, item.insn
        if step.kind in table.SYNTHETIC:
            self._synthetic(step, insn)
            return
        if step.kind == "fence":
            if (at, "fence") not in without:
                self.rows.append((fence(insn), insn))
            return
        keep = (at, "dependency") not in without
        address = self.depending(step.variable, of(item.address) if keep else ())
        value = self.depending(step.value, of(item.data) if keep else ()) if step.value else ""
        if insn.kind == "store":  # an amo may take its place
            self.rows.append(("sw %s,0(%s)" % (value, address), insn))
            return
        result = self.register() if insn.result or step.kind == "amo" else "x0"
        if step.kind == "load":
            row = "lw %s,0(%s)" % (result, address)
        else:
            name = insn.op.split(".")[0]
            row = "%s.w%s %s,%s(%s)" % (name, "".join("." + bit for bit in bits(insn) if (at, bit) not in without),
                                        result, value and value + ",", address)
        self.rows.append((row, insn))
        if result == "x0":
            return
        results[item.step] = result
        if step.kind == "sc":
            self.success.append(result)
        else:
            self.result.setdefault(step.label, result)


def bits(insn):
    """Return aq, rl or both, as the instruction has them. An sc with aq alone is not ordered by it (A §2)."""
    found = re.findall("aq|rl", insn.op.partition(".")[2])
    return [] if insn.kind == "sc" and found == ["aq"] else found


def fence(insn):
    """Return the fence without i and o: the handshakes are in main memory."""
    if insn.op == "fence.tso":
        return "fence.tso"
    sets = [re.sub("[io]", "", operand) for operand in insn.operands] or ["rw", "rw"]
    return "fence " + ",".join(sets)


def weakenings(threads):
    """Return what can be removed from these paths: (address, part) -> instruction, and steps that depend on others."""
    found = {}
    for paths in threads:
        for part, items in paths:
            for item in items or ():
                at = item.insn.address
                if isinstance(item, Fence) or isinstance(item, Access) and part.steps[item.step].kind == "fence":
                    found[at, "fence"] = item.insn
                elif isinstance(item, Control) or item.address or item.data:
                    found[at, "dependency"] = item.insn
                if isinstance(item, Access) and item.insn.kind in ("amo", "lr", "sc"):
                    found.update({(at, bit): item.insn for bit in bits(item.insn)})
    return found


def litmus(name, handshake, threads, without=()):
    """Return the text of a test. threads: for each side, (part, items) of each of its parts."""
    sides = []
    for number, paths in enumerate(threads):
        side = Thread(number, handshake.line)
        for part, items in paths:
            side.add(part, items, without)
        sides.append(side)
    start = ["%s=%s;" % pair for pair in handshake.start]
    start += ["%d:%s=%s;" % (side.number, register, value) for side in sides for register, value in side.start.items()]
    height = max(len(side.rows) for side in sides)
    cells = [[row[0] for row in side.rows] + [""] * (height - len(side.rows)) for side in sides]
    widths = [max(map(len, column)) for column in cells]
    rows = [" | ".join(cell.ljust(width) for cell, width in zip(row, widths)) for row in
            [["P%d" % side.number for side in sides]] + list(zip(*cells))]
    comments = ["P%d: %-40s from %x: %s" % (side.number, row, insn.address, insn.text)
                for side in sides for row, insn in side.rows if insn]
    return "RISCV %s\n(* %s\n%s\n*)\n{ %s }\n%s\nexists (%s)\n" % (
        name, handshake.claim, "\n".join(comments), " ".join(start), "\n".join(" %s ;" % row for row in rows),
        condition(handshake, sides))


def condition(handshake, sides):
    """Return the forbidden final state in herd7's words, where P0.x is the value that side 0 has loaded as x."""
    def register(match):
        side = sides[int(match.group(1))]
        if match.group(2) not in side.result:
            raise LaunchError("%s: side P%s loads no %s" % (handshake.line, match.group(1), match.group(2)))
        return "%d:%s" % (side.number, side.result[match.group(2)])

    text = re.sub(r"\bP(\d)\.(\w+)", register, handshake.exists)
    return " /\\ ".join(["(%s)" % text] + ["%d:%s=0" % (side.number, result) for side in sides for result in side.success])
