# SPDX-License-Identifier: MIT
"""stages.py - assign each instruction to a stage of an exit, according to the table scripts/anatomy.stages."""
import fnmatch

from hs.errors import LaunchError
from . import insn as riscv, walk
from .symbols import FIRMWARE, GUEST, KERNEL, USER

STAGES = ("guest", "registers saved", "CSR swap", "registers restored", "dispatch", "handler",
          "checks", "vCPU put", "exit to user", "user space", "return from user", "vCPU load",
          "trap entry", "trap exit", "sret", "firmware", "system call", "interrupt raised", "wake-up", "wait",
          "thread switch", "not assigned")
UNASSIGNED = STAGES[-1]
# The stages that a word in the table stands for, one for each phase (see walk.py). The phases are: before the
# handler; after the handler, on the way to the guest; after the handler, on the way to user space; and on the way
# back from user space. For "switch", the stage depends on the instruction instead (_split_switch).
WORDS = {
    "loop": ("dispatch", "checks", "exit to user", "checks"),
    "host": ("handler", "checks", "exit to user", "return from user"),
    "switch": None,
}

SENDERS = {"ipi_send", "hv_guest_file_send"}  # functions that interrupt another hart


def _words(text):
    if text in WORDS:
        return WORDS[text] or text
    if text not in STAGES[:-1]:
        raise LaunchError("anatomy.stages: there is no stage '%s'" % text)
    return (text,) * 4


class Stages:
    """The table's lines for a system, or for a span on it, for which the lines of SYSTEM/span come first."""

    # A module has hyperscope's core and Linux's host.
    MODULE = ("module", "hyperscope", "linux")
    TABLES = {"module": MODULE, "module_newest": MODULE}

    def __init__(self, path, system, span=False):
        self.exact, self.patterns = {}, []
        self.cache = {}
        own = ("linux",) if system.startswith("linux") else (system,)
        tables = list(self.TABLES.get(system, own))
        if span:
            tables += [name + "/span" for name in tables]
        with open(path, encoding="utf-8") as table:
            for line in table:
                words = line.split("#")[0].split(None, 2)
                if not words:
                    continue
                if len(words) != 3:
                    raise LaunchError("anatomy.stages: expected SYSTEM FUNCTION STAGE: %s" % words)
                where, function, stage = words
                if where not in tables:
                    continue
                stage = _words(stage.strip())
                if set(function) & set("*?["):
                    self.patterns.append((function, stage))
                else:
                    self.exact.setdefault(function, stage)

    def _of_function(self, name):
        if name not in self.cache:
            base = name.split(".")[0]  # without gcc's .part.0, .isra.0, .constprop.0
            found = self.exact.get(base)
            if found is None:
                found = next((stage for pattern, stage in self.patterns
                              if fnmatch.fnmatchcase(base, pattern)), None)
            self.cache[name] = found
        return self.cache[name]

    def _of_step(self, step):
        """Return the stages of the nearest function that the table lists: first try the functions that contain the
        step, then the callers."""
        for name in step.chain:
            found = self._of_function(name)
            if found:
                return found
        for name in reversed(step.stack[:-1]):
            found = self._of_function(name)
            if found:
                return found
        return (UNASSIGNED,) * 4

    def assign(self, steps):
        handled = {}
        at_switch = []
        for at, (step, phase) in enumerate(zip(steps, walk.phases(steps))):
            if step.world in (GUEST, USER, FIRMWARE):
                step.stage = {GUEST: "guest", USER: "user space", FIRMWARE: "firmware"}[step.world]
                if step.world != FIRMWARE:
                    handled[step.hart] = False
                continue
            found = self._of_step(step)
            if found == "switch":
                at_switch.append(at)
                continue
            if phase == walk.DISPATCH and handled.get(step.hart):
                phase = walk.CHECKS
            elif phase == walk.OUT and not handled.get(step.hart):
                phase = walk.DISPATCH
            elif phase is None:
                phase = walk.DISPATCH
            step.stage = found[phase]
            if step.insn.kind == riscv.TRAP_RETURN:
                step.stage = "sret"
            if step.stage == "handler":
                handled[step.hart] = True
        _split_switch(steps, at_switch)


def beside(steps):
    """Return how many of a span's instructions another hart executes after it has sent the interrupt that ends the
    wait: with two harts that really run at the same time, the span's end does not wait for them. None: it sends
    none by a function that is known here, as on Linux."""
    first, last = steps[0].hart, steps[-1].hart
    if first == last:
        return 0
    sent = [at for at, step in enumerate(steps) if step.hart == first and SENDERS & {*step.chain, *step.stack}]
    return sum(step.counted for step in steps[sent[-1] + 1:] if step.hart == first) if sent else None


def _split_switch(steps, at_switch):
    """Divide a world switch by what each instruction does: save registers, swap CSRs, restore registers.

    A load belongs to the CSR swap if a CSR instruction is the next to use the loaded value. A store belongs
    to it if a CSR instruction was the last to write the stored register.
    """
    for index in at_switch:
        step, kind = steps[index], steps[index].insn.kind
        if kind == riscv.TRAP_RETURN:
            step.stage = "sret"
        elif kind == riscv.CSR:
            step.stage = "CSR swap"
        elif kind == riscv.LOAD:
            step.stage = "CSR swap" if _next_use_is_csr(steps, index) else "registers restored"
        elif kind == riscv.STORE:
            step.stage = "CSR swap" if _last_def_is_csr(steps, index) else "registers saved"
    last = "CSR swap"
    for index in at_switch:  # moves and jumps belong to the stage of the instruction before them
        last = steps[index].stage = steps[index].stage or last


def _next_use_is_csr(steps, index):
    register = steps[index].insn.rd
    for step in steps[index + 1:index + 64]:
        if step.world != KERNEL:
            return False
        if register in step.insn.sources:
            return step.insn.kind == riscv.CSR
        if step.insn.rd == register:
            return False
    return False


def _last_def_is_csr(steps, index):
    register = steps[index].insn.sources[-1]
    for back in range(index - 1, max(index - 64, -1), -1):
        step = steps[back]
        if step.world != KERNEL:
            return False
        if step.insn.rd == register and register:
            return step.insn.kind == riscv.CSR
    return False
