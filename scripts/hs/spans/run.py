# SPDX-License-Identifier: MIT
"""run.py - run a workload on hyperscope with the plugin, and read the paths that the plugin recorded.

A path is a reason for which the kernel is entered (trace/plugin/irqs_off.c). Most workloads run tests/kvm/spans,
which performs many operations on large amounts of memory.
"""
import os

from hs import elf, plugin, toggles
from hs.errors import STATUS_USAGE, LaunchError
from hs.paths import HYPERSCOPE, TOP
from hs.run import qemuopt
from hs.run.machine import need
from .show import Names, Path

SPANS = "{out}/tests/kvm/spans"
VMM = ["--file", "{out}/guest-payloads/bench.bin:/bench.bin"]
PAYLOAD = ["{out}/vmm", "--quiet", "--append"]

# name -> (description, subcommand and options of scripts/hyperscope, then the program and its arguments)
WORKLOADS = {
    "exits": ("every exit of the bench's payload",
              ["exec"] + VMM + PAYLOAD + ["", "/bench.bin"]),
    "sparse": ("range operations on 64 GiB of guest memory: 1024 pages far apart",
               ["exec", SPANS, "sparse", "1024"]),
    "dense": ("range operations on 64 MiB in pages of 4 KiB, side by side",
              ["exec", SPANS, "dense", "16384"]),
    "large": ("range operations on 256 MiB in pages of 2 MiB", ["exec", SPANS, "large", "128"]),
    "slots": ("2000 memory slots of one page each: stored to, aged, dropped", ["exec", SPANS, "slots", "2000"]),
    "vms": ("200 VMs, one after the other and 64 at a time, with VMIDs of 2 bits",
            ["exec", SPANS, "vms", "200"]),
    "process": ("fork, exec, munmap, mremap, mprotect and exit of a process of 256 MiB",
                ["exec", SPANS, "process", "256"]),
    "files": ("a file of 64 MiB: written, mapped, copied, truncated, removed",
              ["exec", SPANS, "files", "64"]),
    "trace": ("every event except the sampling tick, until the ring wraps",
              ["exec", "--trace", "all,!sample", SPANS, "dense", "4096"]),
    "hello": ("a VM from start to end, by scripts/hyperscope run", ["run", "hello"]),
    "boot": ("Debian's kernel as the guest, with its tour and power-off: takes minutes",
             ["run", "--vcpus", "1", "--append", "console=ttyS0 quiet"]),
}
BY_ITSELF = [name for name in WORKLOADS if name != "boot"]


def chosen(options):
    """Check the options, and return what to run: names from WORKLOADS, or [None] for the user's own program."""
    toggles.refuse_defaults()
    toggles.check_toggles(TOP, options.set)
    toggles.check_trace(TOP, options.trace)
    for name in options.workload:
        if name not in WORKLOADS:
            raise LaunchError("there is no workload '%s'; known workloads: %s"
                              % (name, " ".join(WORKLOADS)), STATUS_USAGE)
    plugin.check_qemu(options.qemu)
    for name in ("hyperscope.elf", "hyperscope.bin", "irqs_off.so"):
        need(os.path.join(options.out, name), "build it first, with make")
    if options.program:
        return [None]
    return options.workload or BY_ITSELF


def _kernel(path):
    """Return the physical start and end of the kernel's image, and the address at which it is linked."""
    for part in elf.segments(path):
        return part.physical, part.physical + part.size, part.virtual
    raise LaunchError("%s has no segment to load" % path)


def _arguments(options, out):
    kernel = os.path.join(options.out, "hyperscope.elf")
    places = tuple(elf.address(kernel, name) for name in ("switch_context", "host_first_exited"))
    words = (qemuopt.value(os.path.join(options.out, "irqs_off.so")), qemuopt.value(out))
    return ("file=%s,out=%s,kernel=0x%x,kernel_end=0x%x,linked=0x%x,switch=0x%x,end=0x%x"
            % (words + _kernel(kernel) + places))


def _command(name, options):
    form = ["exec"] + options.program if name is None else WORKLOADS[name][1]
    words = [word if name is None else word.format(out=options.out) for word in form]
    if name is not None:
        for word in words:
            path = word.split(":")[0]
            if path.startswith(options.out):
                need(path, "build it first, with make")
    command = [HYPERSCOPE, words[0], "--icount",
               "--harts", str(options.harts), "--out", options.out, "--cpu", options.cpu,
               "--trace", options.trace, "--boot", "exitstat=0",
               "--timeout", str(options.timeout)]
    if words[0] == "exec":  # for `run`, the size of RAM depends on the guest
        command += ["--quiet", "--memory", "1G"]
    if options.firmware:
        command += ["--firmware", options.firmware]
    for setting in options.set:
        command += ["--set", setting]
    return command + words[1:]


def measure(name, options, folder):
    """Run a workload once and return its paths."""
    what = name or os.path.basename(options.program[0])
    out = os.path.join(folder, "spans")
    if os.path.exists(out):
        os.remove(out)
    environment = dict(os.environ, QEMU=plugin.wrapper(folder, options.qemu,
                                                       _arguments(options, out)))
    status, text = plugin.run(_command(name, options), "irqs-off", what, folder, environment, options)
    if status and (name is not None or not os.path.exists(out)):
        raise plugin.failed("irqs-off", what, status, text, options)
    return _paths(out, what, options)


def _paths(out, what, options):
    names, paths = Names(options.out), []
    for line in plugin.lines_of(out, what):
        words = line.split()
        if words[0] == "path":
            paths.append(Path(names, words[1:], what))
        elif words[0] == "block":
            paths[-1].add_block(names, int(words[1], 16), int(words[2]) * int(words[3]))
        elif words[0] == "sie" and words[1] != "0":
            raise LaunchError("%s: the kernel reached %s windows with sstatus.SIE = 1, for which "
                              "the plugin's count is not valid" % (what, words[1]))
    return paths
