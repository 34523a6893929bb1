# SPDX-License-Identifier: MIT
"""count.py - count the instructions that a workload executes on QEMU, by world."""
import collections
import os

from hs import elf, ends
from hs.errors import LaunchError
from hs.profile.recording import WORLDS
from hs.run import qemuopt
from hs.run.machine import need

from . import simulators


def count(path, profile, options):
    """Return [(world, instructions)]. QEMU's plugin of `hyperscope profile` counts them."""
    kernel = need(os.path.join(options.out, "hyperscope.elf"), "run make")
    with ends.folder("workload.") as folder:
        out = os.path.join(folder, "counts")
        plugin = "%s,out=%s,switch=%#x,end=%#x" % (
            qemuopt.value(need(os.path.join(options.out, "profile.so"), "run make")), qemuopt.value(out),
            elf.address(kernel, "switch_context"), elf.address(kernel, "host_first_exited"))
        outcome = simulators.run(simulators.command("qemu", path, profile, options.qemu,
                                                    ["-icount", "shift=0,sleep=off", "-plugin", plugin]), options.timeout)
        if outcome.verdict != "PASS" or not os.path.exists(out):
            raise LaunchError("%s did not pass: %s" % (profile.name, outcome.why or "there is no verdict"))
        worlds, counts = {}, collections.Counter()
        with open(out, encoding="ascii") as lines:
            for words in map(str.split, lines):
                if words[0] == "block":
                    worlds[words[1]] = int(words[2])
                elif words[0] == "times":
                    counts[WORLDS[worlds[words[3]]]] += int(words[4]) * int(words[5])
    return counts.most_common()
