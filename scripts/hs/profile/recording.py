# SPDX-License-Identifier: MIT
"""recording.py - read the output of trace/plugin/profile.c as stacks of functions."""
from hs import plugin
from hs.flame import folded
from .names import OTHER_PROGRAM, U, WORLDS


class Recording:
    """The contents of the plugin's output.

    stacks: maps (world, function, ...) to a number of instructions. counted: number of instructions from reset to
    the end of the first program. reads: number of reads of instret or cycle that the plugin compared with the
    previous read; differed: number of these reads that differed from the plugin's count; last: the plugin's count
    at the last of these reads. full: there were more call chains than the plugin can record.
    """

    def __init__(self, path, what, names):
        self.counted = self.reads = self.differed = self.last = 0
        self.full = False
        self._nodes = {}   # number -> (parent, world, site)
        self._blocks = {}  # number -> (world, pc, words)
        self._paths = {}   # node -> frames
        self._leaves = {}  # (block, insns) -> [(function, instructions)]
        self._names = names
        times = self._read(path, what)
        names.find_firmware(self._blocks.values())
        self.stacks = {}
        for (node, world, block, insns), count in times:
            chain = self._chain(node, world)
            for function, length in self._leaf(block, insns):
                stack = chain + (function,)
                self.stacks[stack] = self.stacks.get(stack, 0) + length * count
        self.total = sum(self.stacks.values())

    def _read(self, path, what):
        times = []
        for line in plugin.lines_of(path, what):
            words = line.split()
            if words[0] == "times":
                numbers = tuple(map(int, words[1:]))
                times.append((numbers[:4], numbers[4]))
            elif words[0] == "node":
                self._nodes[int(words[1])] = (int(words[2]), int(words[3]), int(words[4], 16))
            elif words[0] == "block":
                self._blocks[int(words[1])] = (int(words[2]), int(words[3], 16),
                                               [int(word, 16) for word in words[4:]])
            elif words[0] == "all":
                self.counted = int(words[1])
            elif words[0] == "read":
                self.reads, self.differed, self.last = map(int, words[1:])
            elif words[0] == "full":
                self.full = True
        return times

    def _chain(self, node, world):
        """Return the name of the outermost world, followed by the frames of the callers, outermost first."""
        found = self._paths.get(node if node else -world - 1)
        if found is None:
            if node:
                parent, world, site = self._nodes[node]
                found = self._chain(parent, world) + (self._frame(world, site),)
            else:
                found = (WORLDS[world],)
            self._paths[node if node else -world - 1] = found
        return found

    def _frame(self, world, address):
        return folded.frame(self._names.function(world, address))

    def _leaf(self, number, insns):
        """Return [(function, number of instructions)] for the first INSNS instructions of a block."""
        found = self._leaves.get((number, insns))
        if found is not None:
            return found
        world, address, words = self._blocks[number]
        program = self._names.program
        if world == U and not (program and program.has(address, words)):
            found = [(OTHER_PROGRAM, insns)]
        else:
            counts = {}
            for word in words[:insns]:
                name = self._frame(world, address)
                counts[name] = counts.get(name, 0) + 1
                address += 4 if word & 3 == 3 else 2
            found = list(counts.items())
        self._leaves[(number, insns)] = found
        return found
