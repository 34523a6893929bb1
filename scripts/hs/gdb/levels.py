# SPDX-License-Identifier: MIT
"""levels - show the levels of a vCPU that has the H extension as a stack: L2, L1 and this hypervisor, L0.

A level that does not run has a pc only if a trap has saved one. An sret saves none, so while L2 runs, L1 has no pc:
what is known is its stvec, where a trap that L1 handles arrives. The same is true of L0 while a guest runs.
"""
import collections
import os

import gdb
from hs import names, tables
from . import place
from .target import MASK, Problem, address, is_virtual, register, world
from .vm import current_vcpu, exit_vectors, level

RUN, HANDLE = "src/kvm/exit/run.c", "vcpu->handle_exit(vcpu, &trap)"  # run_once(): where an exit is handled
SPP, SPV = 1 << 8, 1 << 7  # of sstatus and hstatus
LINES_HELD = -1            # vcpu->loaded: L2's CSRs, or some of them, are in the hart, and L1's in memory
HOST = "hyperscope.elf"
MOST_FRAMES = 32

# An exit that L0 handles. `level`: whose exit it is, or None if that is not known any more; `pc`: where it was taken.
Exit = collections.namedtuple("Exit", "cause level pc")


def symbol(at, of_guest):
    """Return ' <name+offset>' for an address in L0 or in a guest, or ''. The two may have the same addresses."""
    for line in gdb.execute("info symbol 0x%x" % at, to_string=True).split("\n"):
        name, found, where = line.partition(" in section ")
        file = os.path.basename(where.partition(" of ")[2]) or HOST
        if found and file != "vmm" and (file != HOST) == of_guest:
            return " <%s>" % name.replace(" + ", "+")
    return ""


def _at(value, of_guest=True):
    return "0x%x%s" % (value, symbol(value, of_guest))


def _frames():
    """Return the frames of the hart's stack, innermost first, as far as it can be unwound."""
    found = []
    try:
        frame = gdb.newest_frame()
        while frame is not None and len(found) < MOST_FRAMES and frame.name():
            found.append(frame)
            frame = frame.older()
    except gdb.error:
        pass
    return found


def _handles(frame):
    """Return whether this frame of run_once() is in the call of the exit's handler. Before it, `trap` has the values
    of an earlier exit."""
    with open(os.path.join(tables.TOP, RUN), encoding="utf-8") as source:
        lines = source.read().split("\n")
    line = frame.find_sal().line
    return 0 < line <= len(lines) and HANDLE in lines[line - 1]


class Levels:
    """The levels of one vCPU, which is loaded on the selected hart."""

    def __init__(self, vcpu):
        self.vcpu, self.nested = vcpu, vcpu.value["nested"]
        self.runs = level(vcpu) if is_virtual() else "L0"
        # The core also sets nested.v for an access by HLV or HSV. L1 is in the middle of this instruction then.
        self.v = bool(self.nested["v"]) and not (self.runs == "L0" and self.nested["unpriv"])
        self.held = int(vcpu.value["loaded"]) == LINES_HELD
        self.at = None         # L0's place in the world switch: (file, line)
        self.in_hart = False   # L0 runs, but the guest's sepc and sstatus are still in the hart
        self.entering = False  # L0 enters the guest
        self.taking = False    # L0 gives the guest a trap: sepc may be the old one or the new one
        self.exit = None       # the Exit that L0 handles
        self.active = self.runs != "L0" or self._look()

    def _look(self):
        """Find out what L0 does for the vCPU. Return False if it does not run the vCPU now."""
        pc = register("pc")
        at = place.line_of(pc)
        if at and at[0] in place.FILES:  # sp may be the guest's: do not unwind the stack
            self.at = at
            to_guest = address("vcpu_switch") <= pc < address("vcpu_exit_vector")
            self.in_hart, self.entering = not to_guest, to_guest or pc in place.entries()
            if not self.entering:
                self.exit = self._exit_in_hart()
            return True
        frames = _frames()
        called = [frame.name() for frame in frames]
        if any(name.startswith("vcpu_fast_") for name in called):
            self.in_hart, self.exit = True, self._exit_in_hart()
            return True
        self.taking = "vcpu_inject_trap" in called
        for frame in frames:
            if frame.name() == "run_once" and _handles(frame):
                self.exit = self._exit_of(frame.read_var("trap"), called)
        return not {"run_once", "run_loop", "vcpu_run"}.isdisjoint(called)

    def _exit_in_hart(self):
        return Exit(register("scause"), "L2" if self.v else "L1", register("sepc"))

    def _exit_of(self, trap, called):
        """Return the Exit that `trap` describes. Its handler may have changed V and the guest's pc since."""
        pc = int(trap["sepc"]) & MASK
        if "exit_l2" in called:
            whose = "L2"
        elif "exit_l1" in called or "exit_nested" not in called:
            whose = "L1"
        elif pc == self._saved("sepc"):
            whose = "L2" if self.v else "L1"
        else:
            whose = None
        return Exit(int(trap["scause"]) & MASK, whose, pc)

    # -- the guest's registers ---------------------------------------------------------------

    def _saved(self, name):
        return int(self.vcpu.value["guest"][name]) & MASK

    def _pc(self):
        """Return the pc of the level that runs or, in L0, of the one that L0 is to enter."""
        if self.runs != "L0":
            return register("pc")
        return register("sepc") if self.in_hart else self._saved("sepc")

    def _l1(self, name):
        """Return one of L1's S CSRs by the name of the VS CSR that holds it while L1 runs."""
        if self.held:
            return int(self.vcpu.value["csrs"][name]) & MASK
        return register(name[1:] if is_virtual() else name)

    def _mode(self, kernel, user):
        """Return the mode that belongs to _pc(): KERNEL or USER, or "?" where the world switch saves it."""
        if self.runs != "L0":
            return user if world() == "VU" else kernel
        sstatus = self._saved("sstatus")
        if self.in_hart:
            step = (place.step_of(*self.at) or "") if self.at else ""
            if step.startswith("Step 5") and register("pc") not in exit_vectors():
                return "?"
            sstatus = sstatus if step.startswith("Step 6") else register("sstatus")
        return kernel if sstatus & SPP else user

    # -- the lines ---------------------------------------------------------------------------

    def _line(self, name, mode, text):
        return "  %s %s  %-2s  %s" % (">" if name == self.runs else " ", name, mode, text)

    def _stvec(self, words):
        stvec = self._l1("vstvec")
        return "%s stvec %s%s" % (words, _at(stvec & ~3), ", vectored" if stvec & 3 else "")

    def _l2_line(self):
        if self.v:
            return self._line("L2", self._mode("VS", "VU"), "pc " + _at(self._pc()))
        if self.exit and self.exit.level == "L2":
            return self._line("L2", "-", "has trapped into L1, at pc " + _at(self.exit.pc))
        if self.taking and not self.exit:
            return self._line("L2", "-", "an interrupt of L1 is being taken")
        if self.held:
            return self._line("L2", "-", "L0 accesses its memory for an HLV or HSV of L1")
        if not int(self.nested["hstatus"]) & SPV:
            return self._line("L2", "-", "an sret of L1 would not enter it: hstatus.SPV is 0")
        mode = "VS" if self._l1("vsstatus") & SPP else "VU"
        return self._line("L2", mode, "an sret of L1 would enter it at sepc " + _at(self._l1("vsepc")))

    def _l1_line(self):
        whose = self.exit.level if self.exit else None
        if self.v and whose == "L1":
            return self._line("L1", "HS", "enters L2 by its sret at pc " + _at(self.exit.pc))
        if self.v:
            return self._line("L1", "HS", self._stvec("traps into L1 arrive at"))
        if self.taking and (whose == "L2" or not self.exit):
            return self._line("L1", "HS", self._stvec("takes a trap at"))
        return self._line("L1", self._mode("HS", "U"), "pc " + _at(self._pc()))

    def _l0_line(self):
        if self.runs != "L0":
            return self._line("L0", "HS", "exits arrive at " + _at(int(self.vcpu.value["exit_vector"]) & MASK, False))
        text = "pc " + _at(register("pc"), False)
        if self.entering:
            text += ", enters %s" % ("L2" if self.v else "L1")
        elif self.exit:
            text += ", handles %s" % names.cause_name(self.exit.cause)
            text += " of %s" % self.exit.level if self.exit.level else ""
        return self._line("L0", "HS", text)

    def lines(self):
        if not self.active:
            return []
        head = ["  L0, which runs vCPU %d.%d" % (self.vcpu.vm, self.vcpu.index)] if self.runs == "L0" else []
        return head + [self._l2_line(), self._l1_line(), self._l0_line()]


def describe():
    """Return one line per level, the deepest one first, or no line if this hart does not run a vCPU that has H."""
    if world() not in ("HS", "VS", "VU"):
        return []
    try:
        vcpu = current_vcpu()
        return Levels(vcpu).lines() if vcpu and level(vcpu) else []
    except Problem:  # there is no VM, or this is the guest of another host
        return []
