# SPDX-License-Identifier: MIT
"""walk.py - walk one path, instruction by instruction, to find call stacks and phases.

A stack of functions is kept for each world (guest, kernel, user, firmware), derived only from calls,
returns and traps. The path is walked twice, because it returns into functions that were called before
the path began; these functions are known only after the first walk.
"""
from . import insn as riscv
from .symbols import FIRMWARE, GUEST, KERNEL, USER

DISPATCH, CHECKS, OUT, BACK = range(4)  # phases of the host's work: see stages.py

THREAD_SWITCHES = ("switch_context", "__switch_to")  # of hyperscope and of Linux


class Frame:
    """A call that has not returned. resume: the return address, or None if no call on the path made this frame.

    trapped: entered by a trap within the same world, and left by a trap return. tail: entered by a jump
    (tail call) from the frame below, and returns together with it.
    """
    __slots__ = ("function", "resume", "trapped", "tail")

    def __init__(self, function, resume=None, trapped=False, tail=False):
        self.function = function
        self.resume = resume
        self.trapped = trapped
        self.tail = tail


class Step:
    """One instruction of a path, with everything that is known about it."""
    __slots__ = ("address", "hart", "world", "chain", "stack", "insn", "counted", "stage")

    def __init__(self, address, hart, world, chain, insn):
        self.address = address
        self.hart = hart
        self.world = world
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
        """Return whether a trap, and not the instruction itself, led from STEP to the address TARGET."""
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
        """Return the Steps of a path. An instruction that a trap undid is not counted."""
        self._find_firmware(path)
        steps = []
        for address, hart in path:
            image = self.map.image(address)
            steps.append(Step(address, hart, image.world, image.chain(address), self.insn(address)))
        for step, (target, hart) in zip(steps, path[1:] + path[:1]):
            if hart == step.hart and self.leaves(step, target):
                step.counted = step.insn.kind not in riscv.MAY_FAULT
        return steps

    def _find_firmware(self, path):
        """Find the functions of the firmware: they begin where calls and traps arrive."""
        firmware = self.map.firmware
        for (before, _), (address, _) in zip(path[-1:] + path[:-1], path):
            if self.map.image(address) is firmware and (
                    self.map.image(before) is not firmware or self.insn(before).kind == riscv.CALL):
                firmware.entered(address)

    def give_stacks(self, steps):
        harts = {}
        for _ in range(2):  # the first walk only finds the callers
            previous = {}
            for step in steps:
                stacks = harts.setdefault(step.hart, {world: [] for world in
                                                      (GUEST, KERNEL, USER, FIRMWARE)})
                self._move(stacks, previous.get(step.hart, steps[-1]), step)
                previous[step.hart] = step
                step.stack = tuple(frame.function for frame in stacks[step.world])

    def _move(self, stacks, before, step):
        """Update the stacks from one instruction to the next: calls, returns, traps and tail calls."""
        stack = stacks[step.world]
        function = self._function(step)
        if before.world != step.world:
            self._change_world(stacks, before, step)
            return
        kind = before.insn.kind
        if kind == riscv.RETURN and self._function(before) in THREAD_SWITCHES:
            stack[:] = [Frame(function)]  # another thread, whose callers are not known
            return
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

    def _change_world(self, stacks, before, step):
        stack = stacks[step.world]
        if before.world == KERNEL and step.world == USER:
            del stacks[KERNEL][:]  # the system call has ended
            if stack:
                return
        if step.world == FIRMWARE or (before.world == USER and step.world == KERNEL) or not stack:
            del stack[:]
            stack.append(Frame(self._function(step)))
        elif GUEST in (step.world, before.world):
            # The world may resume in another function, such as the exit half of the world switch.
            stack[-1].function = self._function(step)

    def _is_tail(self, before, step):
        """Return whether a jump is a tail call, that is, goes to the first instruction of another function."""
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
    """Return the phase of the host's work for each step, or None for a step of the guest.

    After the guest's trap, the phase is OUT if user space runs before the guest does, and DISPATCH otherwise.
    After user space, it is BACK. CHECKS is not returned: stages.py replaces DISPATCH once the handler has run.
    """
    result, phase = [], {}
    ahead = {}
    coming = [None] * len(steps)
    for at in range(2 * len(steps) - 1, -1, -1):  # the path is a cycle
        step = steps[at % len(steps)]
        coming[at % len(steps)] = ahead.get(step.hart)
        if step.world in (GUEST, USER):
            ahead[step.hart] = step.world
    for _ in range(2):
        result = []
        for at, step in enumerate(steps):
            if step.world == GUEST:
                phase[step.hart] = None
            elif step.world == USER:
                phase[step.hart] = BACK
            elif phase.get(step.hart) is None:
                phase[step.hart] = OUT if coming[at] == USER else DISPATCH
            result.append(phase[step.hart])
    return result
