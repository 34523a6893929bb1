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
    "regions": ("32766 memory slots, of which the guest uses none", ["exec", SPANS, "regions", "32766"]),
    "vcpus": ("VMs with 128 vCPUs: a remote fence, a PLIC with 4096 routes; with -cpu max, an AIA", ["exec", SPANS, "vcpus", "128"]),
    "vms": ("200 VMs, one after the other and 64 at a time, with VMIDs of 2 bits",
            ["exec", SPANS, "vms", "200"]),
    "process": ("fork, exec, munmap, mremap, mprotect and exit of a process of 256 MiB",
                ["exec", SPANS, "process", "256"]),
    "areas": ("65000 areas of an address space: fault, fork, mprotect, mlock, munmap, exit", ["exec", SPANS, "areas", "65000"]),
    "files": ("a file of 64 MiB: written, mapped, copied, truncated, removed",
              ["exec", SPANS, "files", "64"]),
    "lists": ("16384 descriptors, arguments and polled files; 4096 names, and 1024 children",
              ["exec", SPANS, "lists", "16384"]),
    "trace": ("every event except the sampling tick, until the ring wraps",
              ["exec", "--trace", "all,!sample", SPANS, "dense", "4096"]),
    "broadcast": ("with --harts 2 or more: IPIs and remote fences from one vCPU to all others, which sleep",
                  ["exec", "--file", "{out}/guest-payloads/broadcast.bin:/broadcast.bin", "{out}/vmm", "--quiet",
                   "--vcpus", "{harts}", "/broadcast.bin"]),
    "hello": ("a VM from start to end, by scripts/hyperscope run", ["run", "hello"]),
    "boot": ("Debian's kernel as the guest, with its tour and power-off: takes minutes",
             ["run", "--vcpus", "1", "--append", "console=ttyS0 quiet"]),
}
BY_ITSELF = [name for name in WORKLOADS if name not in ("boot", "broadcast")]


def chosen(options, library):
    """Check the options, and return what to run: names from WORKLOADS, or [None] for the user's own program.

    LIBRARY is the plugin's file."""
    toggles.refuse_defaults()
    toggles.check_toggles(TOP, options.set)
    toggles.check_trace(TOP, options.trace)
    for name in options.workload:
        if name not in WORKLOADS:
            raise LaunchError("there is no workload '%s'; known workloads: %s"
                              % (name, " ".join(WORKLOADS)), STATUS_USAGE)
    plugin.check_qemu(options.qemu)
    for name in ("hyperscope.elf", "hyperscope.bin", library):
        need(os.path.join(options.out, name), "build it first, with make")
    if options.program:
        return [None]
    return options.workload or BY_ITSELF


def arguments(options, library, out, functions):
    """Return QEMU's argument of -plugin. FUNCTIONS: the plugin's names of functions of the kernel, with their symbols."""
    kernel = os.path.join(options.out, "hyperscope.elf")
    image = next(iter(elf.segments(kernel)), None)
    if image is None:
        raise LaunchError("%s has no segment to load" % kernel)
    words = ["file=" + qemuopt.value(os.path.join(options.out, library)), "out=" + qemuopt.value(out),
             "kernel=0x%x" % image.physical, "kernel_end=0x%x" % (image.physical + image.size),
             "linked=0x%x" % image.virtual]
    return ",".join(words + ["%s=0x%x" % (name, elf.address(kernel, symbol)) for name, symbol in functions.items()])


def command(name, options, clock=("--icount",)):
    """Return the command that runs a workload. CLOCK: the options that choose the machine's clock."""
    form = ["exec"] + options.program if name is None else WORKLOADS[name][1]
    words = [word if name is None else word.format(out=options.out, harts=options.harts) for word in form]
    if name is not None:
        for word in words:
            path = word.split(":")[0]
            if path.startswith(options.out):
                need(path, "build it first, with make")
    line = [HYPERSCOPE, words[0], *clock, "--harts", str(options.harts), "--out", options.out, "--cpu", options.cpu,
            "--trace", options.trace, "--boot", "exitstat=0", "--timeout", str(options.timeout)]
    if words[0] == "exec":  # for `run`, the size of RAM depends on the guest
        line += ["--quiet", "--memory", "1G"]
    if options.firmware:
        line += ["--firmware", options.firmware]
    for setting in options.set:
        line += ["--set", setting]
    return line + words[1:]


def run(name, options, folder, tool, functions, clock=("--icount",)):
    """Run a workload once with TOOL's plugin, and return what ran and the plugin's output file."""
    library = tool.replace("-", "_") + ".so"
    what = name or os.path.basename(options.program[0])
    out = os.path.join(folder, "counts")
    if os.path.exists(out):
        os.remove(out)
    environment = dict(os.environ, QEMU=plugin.wrapper(folder, options.qemu,
                                                       arguments(options, library, out, functions)))
    status, text = plugin.run(command(name, options, clock), tool, what, folder, environment, options)
    if status and (name is not None or not os.path.exists(out)):
        raise plugin.failed(tool, what, status, text, options)
    return what, out


def measure(name, options, folder):
    """Run a workload once and return its paths."""
    what, out = run(name, options, folder, "irqs-off", {"switch": "switch_context", "end": "host_first_exited"})
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
