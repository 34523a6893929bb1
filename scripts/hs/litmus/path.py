# SPDX-License-Identifier: MIT
"""path.py - follow the compiled code from step to step of a part, and keep what orders its accesses.

All paths are followed, except those that jump back in a loop: on these, an access could precede one
that comes before it in the code, in the next iteration. A path is reduced to the accesses of the steps,
the fences between them, and the dependencies on loaded values. A called function that the part does not
name is assumed to contain no fences.
"""
import re
from typing import NamedTuple

from hs.errors import LaunchError
from hs.litmus import table
from hs.litmus.code import CALLER_SAVED, Insn, plain

MAX_STATES = 20000
NONE = frozenset()


class Access(NamedTuple):
    insn: Insn
    step: int
    address: frozenset  # steps on whose results the address depends
    data: frozenset     # the same for the value that is written


class Fence(NamedTuple):
    insn: Insn


class Control(NamedTuple):
    """A branch that depends on the results of these steps."""
    insn: Insn
    steps: frozenset


class _State(NamedTuple):
    address: int
    step: int          # the next step
    taint: frozenset   # of (register or stack slot, step): the register depends on the step's result
    items: tuple
    stack: tuple       # return addresses


def _matches(step, insn):
    if step.kind in table.SYNTHETIC:
        return step.place != table.RETURN or insn.kind == "ret"
    if step.kind == "store" and insn.kind == "amo":  # gcc 12 stores with amoswap where a release is wanted
        return not insn.result
    return insn.kind == step.kind and insn.base not in ("sp", "gp")


class Walker:
    """Finds the paths of a part."""

    def __init__(self, code, part, where):
        self.code, self.part, self.where = code, part, where
        self.insns = code.of(part.functions)
        if not self.insns:
            raise LaunchError("%s: %s contains none of the functions %s" % (where, code.elf, ", ".join(part.functions)))
        self.inside = {insn.address for insn in self.insns}
        self.callers = {}  # function -> addresses after its calls
        for insn in self.insns:
            if insn.kind == "call" and insn.target in self.inside:
                self.callers.setdefault(code.insn(insn.target).function, []).append(insn.after)
        self.back = self._back_edges()
        self.candidates = [self._candidates(step) for step in part.steps]
        if part.steps[0].kind in table.SYNTHETIC:  # before all that its statement does
            self.candidates[0] = {a for a in self.candidates[0] if not self._follows(a, self.candidates[0])}

    def _candidates(self, step):
        """Return the addresses of the instructions that execute this step."""
        of_kind = [insn for insn in self.insns if _matches(step, insn)]
        if step.place == table.RETURN:  # or a jump to another function, which returns
            return {insn.address for insn in of_kind} | {
                insn.address for insn in self.insns if insn.kind == "jump" and insn.target not in self.inside}
        frames = self.code.frames(of_kind)
        found = [insn for insn in of_kind
                 if any(file == step.file and line in step.lines for file, line in frames[insn.address])]
        # Functions that were inlined into the statement count only if it contains nothing else of this kind.
        found = [insn for insn in found if frames[insn.address][0][0] == step.file
                 and frames[insn.address][0][1] in step.lines] or found
        if step.member:
            offset = self.code.offsets[step.member]
            found = [insn for insn in found if (insn.offset + self._displacement(insn) - offset) % 4096 == 0]
        elif step.kind == "load":
            found = [insn for insn in found if not self._is_pointer(insn, {other.address for other in found})]
        if not found:
            raise LaunchError("%s: the code of %s has no %s for %s"
                              % (self.where, ", ".join(self.part.functions), step.kind, step.place))
        return {insn.address for insn in found}

    def _follows(self, address, others):
        """Return whether one of the other addresses comes before this one in the same basic block."""
        while True:
            insn = self.code.before(address)
            if not insn or insn.kind in ("ret", "jump", "indirect", "branch", "call"):
                return False
            if insn.address in others:
                return True
            address = insn.address

    def _displacement(self, insn):
        """Return the constant that was added to the address register last, so that offsets can be compared mod 4096."""
        at = insn
        for _ in range(64):
            at = self.code.before(at.address)
            if not at or at.address not in self.inside:
                break
            if at.result == insn.base:
                return int(at.operands[2]) if at.op in ("add", "addi") and re.match(r"-?\d+$", at.operands[2]) else 0
        return 0

    def _is_pointer(self, insn, others):
        """Return whether another access of the same statement uses the value that INSN loads as its address."""
        derived, at = {insn.result}, insn.after
        for _ in range(24):
            now = self.code.insn(at)
            if not now or now.kind in ("ret", "jump", "call"):
                return False
            if at in others and now.base in derived:
                return True
            if now.result:
                if now.kind == "other" and derived & set(now.uses):
                    derived.add(now.result)
                else:
                    derived.discard(now.result)
            at = now.after
        return False

    def _local(self, insn):
        """Return the addresses that may follow within the same function."""
        if insn.kind in ("ret", "indirect"):
            return []
        same = [a for a in ([insn.target] if insn.kind in ("branch", "jump") else []) if a in self.inside
                and plain(self.code.insn(a).function) == plain(insn.function)]
        return same + ([] if insn.kind == "jump" else [insn.after])

    def _back_edges(self):
        """Return the jumps (from, to) to an instruction on the way from the function's start: loops."""
        back, done, open_ = set(), set(), set()
        for start in [insn.address for insn in self.insns if insn.address in self.code.entries]:
            stack = [(start, None)]
            while stack:
                address, rest = stack.pop()
                if rest is None:
                    if address in done or address not in self.inside:
                        continue
                    done.add(address)
                    open_.add(address)
                    rest = self._local(self.code.insn(address))
                while rest:
                    to, rest = rest[0], rest[1:]
                    if to in open_:
                        back.add((address, to))
                    elif to not in done:
                        stack += [(address, rest), (to, None)]
                        break
                else:
                    open_.discard(address)
        return back

    def _before(self, address):
        """Return the fences that the first step's own statement executes before its access."""
        found, step = [], self.part.steps[0]
        while True:
            insn = self.code.before(address)
            if not insn or insn.kind in ("ret", "jump", "indirect", "branch", "call") or not any(
                    file == step.file and line in step.lines for file, line in self.code.frames([insn])[insn.address]):
                return tuple(found)
            if insn.kind == "fence":
                found.insert(0, Fence(insn))
            address = insn.address

    def paths(self):
        """Return the different sequences of accesses, fences and dependencies, each a tuple."""
        found, seen, ends = set(), set(), {}
        todo = [_State(address, 0, NONE, self._before(address), ()) for address in sorted(self.candidates[0])]
        while todo:
            state = todo.pop()
            if state in seen or not self.code.insn(state.address):
                continue
            seen.add(state)
            if len(seen) > MAX_STATES:
                raise LaunchError("%s: too many paths from %s" % (self.where, self.part.steps[0].place))
            insn = self.code.insn(state.address)
            ends[state.step] = insn
            state = self._execute(state, insn)
            if state.step == len(self.part.steps):
                found.add(state.items)
            else:
                todo += self._successors(state, insn)
        if not found:
            step = max(ends)
            raise LaunchError("%s: no path through %s leads from %s to %s"
                              % (self.where, ", ".join(self.part.functions), self.part.steps[max(step - 1, 0)].place,
                                 self.part.steps[step].place))
        return found

    def _executes(self, insn, step, state):
        return (step < len(self.candidates) and insn.address in self.candidates[step]
                and not (insn.kind in ("ret", "jump") and state.stack))

    def _execute(self, state, insn):
        """Return the state after the instruction, with what is kept of it."""
        taint, items, step = state.taint, list(state.items), state.step
        depth = len(state.stack)

        def of(*registers):
            return frozenset(s for r, s in taint if r in registers)

        new = of(*insn.uses) | of(insn.base)
        if self._executes(insn, step, state):
            while self._executes(insn, step, state) and self.part.steps[step].kind in table.SYNTHETIC:
                items.append(Access(insn, step, NONE, NONE))
                step += 1
            if self._executes(insn, step, state):  # the statement of a synthetic step may begin with the next one
                items.append(Access(insn, step, of(insn.base), of(*insn.uses)))
                new = frozenset([step])
                step += 1
            elif insn.kind == "fence":
                items.append(Fence(insn))
        elif insn.kind == "fence":
            if not items or not isinstance(items[-1], Fence) or items[-1].insn.text != insn.text:
                items.append(Fence(insn))
        elif insn.kind == "branch":
            known = frozenset(s for item in items if isinstance(item, Control) for s in item.steps)
            if new - known:
                items.append(Control(insn, new - known))
        if insn.kind == "store" and insn.base == "sp":
            taint = _set(taint, (depth, insn.offset), of(*insn.uses))
        elif insn.kind == "load" and insn.base == "sp":
            taint = _set(taint, insn.result, of((depth, insn.offset)))
        elif insn.kind == "call" and insn.target not in self.inside:
            taint = frozenset(pair for pair in taint if pair[0] not in CALLER_SAVED)
        elif insn.result:
            taint = _set(taint, insn.result, new)
        return state._replace(taint=taint, items=tuple(items), step=step)

    def _successors(self, state, insn):
        go = []
        if insn.kind == "ret":
            if state.stack:
                return [state._replace(address=state.stack[-1], stack=state.stack[:-1])]
            return [state._replace(address=after) for after in self.callers.get(insn.function, ())]
        if insn.kind == "indirect":
            return []
        if insn.kind in ("branch", "jump") and insn.target in self.inside:
            go.append(insn.target)
        if insn.kind == "call" and insn.target in self.inside:
            return [state._replace(address=insn.target, stack=state.stack + (insn.after,))]
        if insn.kind != "jump":
            go.append(insn.after)
        return [state._replace(address=to) for to in go if (insn.address, to) not in self.back and to in self.inside]


def _set(taint, place, steps):
    return frozenset(pair for pair in taint if pair[0] != place) | frozenset((place, step) for step in steps)
