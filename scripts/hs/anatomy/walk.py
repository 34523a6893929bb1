# SPDX-License-Identifier: MIT
"""walk.py - one path, instruction by instruction: who called whom, and what stage it belongs to.

A stack of functions is kept for each room (guest, kernel, user, firmware), from calls, returns and
traps alone. The path is walked twice: a guest's trap returns into functions that were called
before the path began, and after the first time they are known.
"""
from . import insn as riscv
from .symbols import FIRMWARE, GUEST, KERNEL, USER

DISPATCH, CHECKS, OUT, BACK = range(4)  # phases of the host's work: see Stages


class Frame:
    """A call that has not returned. resume: where it will, None if nobody saw the call.

    trapped: it was no call but a trap in the same room, which a trap return ends. tail: it was a
    jump from the frame below, and returns with it.
    """
    __slots__ = ("function", "resume", "trapped", "tail")

    def __init__(self, function, resume=None, trapped=False, tail=False):
        self.function = function
        self.resume = resume
        self.trapped = trapped
        self.tail = tail


class Step:
    """One instruction of a path, and all that is known of it."""
    __slots__ = ("address", "hart", "room", "chain", "stack", "insn", "counted", "stage")

    def __init__(self, address, hart, room, chain, insn):
        self.address = address
        self.hart = hart
        self.room = room
        self.chain = chain
        self.insn = insn
        self.stack = ()
        self.counted = True
        self.stage = None


class Walk:
    def __init__(self, address_map, encodings):
        self.map = address_map
        self.encodings = encodings  # address -> (encoding, size)
        self.decoded = {}

    def insn(self, address):
        if address not in self.decoded:
            word, size = self.encodings.get(address, (0x13, 4))
            self.decoded[address] = riscv.decode(word, size)
        return self.decoded[address]

    def leaves(self, step, target):
        """Did something else than the instruction itself choose the next one: a trap?"""
        insn, after = step.insn, step.address + step.insn.size
        if insn.kind == riscv.ECALL:
            return True
        if insn.kind in (riscv.TRAP_RETURN, riscv.RETURN):
            return False
        if insn.kind == riscv.BRANCH:
            return target not in (after, step.address + insn.offset)
        if insn.kind in (riscv.JUMP, riscv.CALL):
            return insn.offset is not None and target != step.address + insn.offset
        return target != after

    def steps(self, path):
        """The path's instructions; an instruction that a trap took back is not counted."""
        self._find_firmware(path)
        steps = []
        for address, hart in path:
            image = self.map.image(address)
            steps.append(Step(address, hart, image.room, image.chain(address), self.insn(address)))
        for step, (target, hart) in zip(steps, path[1:] + path[:1]):
            if hart == step.hart and self.leaves(step, target):
                step.counted = step.insn.kind not in riscv.MAY_FAULT
        return steps

    def _find_firmware(self, path):
        """Functions of the firmware begin where calls and traps went."""
        firmware = self.map.firmware
        for (before, _), (address, _) in zip(path[-1:] + path[:-1], path):
            if self.map.image(address) is firmware and (
                    self.map.image(before) is not firmware or self.insn(before).kind == riscv.CALL):
                firmware.entered(address)

    def give_stacks(self, steps):
        harts = {}
        for _ in range(2):  # the first time only to learn who called
            previous = {}
            for step in steps:
                stacks = harts.setdefault(step.hart, {room: [] for room in
                                                      (GUEST, KERNEL, USER, FIRMWARE)})
                self._move(stacks, previous.get(step.hart, steps[-1]), step)
                previous[step.hart] = step
                step.stack = tuple(frame.function for frame in stacks[step.room])

    def _move(self, stacks, before, step):
        """From one instruction to the next: calls, returns, traps, and what the compiler jumps."""
        stack = stacks[step.room]
        function = self._function(step)
        if before.room != step.room:
            self._change_room(stacks, before, step)
            return
        kind = before.insn.kind
        if self.leaves(before, step.address):
            stack.append(Frame(function, None, True))
        elif kind == riscv.TRAP_RETURN:
            while stack and not stack.pop().trapped:
                pass
        elif kind == riscv.CALL:
            stack.append(Frame(function, before.address + before.insn.size))
        elif kind == riscv.RETURN:
            self._return(stack, step.address)
        elif kind in (riscv.JUMP, riscv.BRANCH) and stack and self._is_tail(before, step):
            stack.append(Frame(function, stack[-1].resume, False, True))
        if not stack:
            stack.append(Frame(function))
        stack[-1].function = function

    def _change_room(self, stacks, before, step):
        stack = stacks[step.room]
        if before.room == KERNEL and step.room == USER:
            del stacks[KERNEL][:]  # the system call is over
            if stack:
                return
        if step.room == FIRMWARE or (before.room == USER and step.room == KERNEL) or not stack:
            del stack[:]
            stack.append(Frame(self._function(step)))
        elif GUEST in (step.room, before.room):
            stack[-1].function = self._function(step)  # e.g. the exit's half of the switch

    def _is_tail(self, before, step):
        """The compiler ends a function by jumping to the next one's first instruction."""
        start = self.map.image(step.address).start
        return start(step.address) == step.address != start(before.address)

    @staticmethod
    def _return(stack, address):
        for depth in range(len(stack) - 1, -1, -1):
            if stack[depth].resume == address:
                while stack[depth].tail and depth:
                    depth -= 1
                del stack[depth:]
                return
        while stack and stack[-1].tail:
            stack.pop()
        if stack and stack[-1].resume is None:
            stack.pop()

    def _function(self, step):
        return self.map.image(step.address).function(step.address)


def phases(steps):
    """Which phase of the host's work each step is in, but for the handler, which stages know.

    From the guest's trap on: OUT if user space comes before the guest again, else DISPATCH; BACK
    from user space on.
    """
    result, phase = [], {}
    ahead = {}
    coming = [None] * len(steps)
    for at in range(2 * len(steps) - 1, -1, -1):  # a path is a circle
        step = steps[at % len(steps)]
        coming[at % len(steps)] = ahead.get(step.hart)
        if step.room in (GUEST, USER):
            ahead[step.hart] = step.room
    for _ in range(2):
        result = []
        for at, step in enumerate(steps):
            if step.room == GUEST:
                phase[step.hart] = None
            elif step.room == USER:
                phase[step.hart] = BACK
            elif phase.get(step.hart) is None:
                phase[step.hart] = OUT if coming[at] == USER else DISPATCH
            result.append(phase[step.hart])
    return result
