# SPDX-License-Identifier: MIT
"""workload.py - workloads to profile: a row of the bench, a payload, a program on the host, or Debian's boot.

Each has a default window in which instructions are counted: for a row, while its operation runs; for a payload or
program, from its first instruction; for a boot, from the guest's first instruction to the first one of a program
in the guest.
"""
import os
import re

from hs import elf, plugin, toggles
from hs.anatomy import run as anatomy
from hs.bench import systems
from hs.bench.rows import BY_NAME
from hs.errors import STATUS_FAILED, STATUS_QEMU, STATUS_USAGE, LaunchError
from hs.paths import HYPERSCOPE
from hs.run import qemuopt
from hs.run.machine import need
from . import names as N

APPEND = "console=ttyS0 quiet nokaslr"
KALLSYMS_SIZE = 16 << 20
# The guest writes its kernel's symbols to its disk; the rest of the disk remains zero.
KALLSYMS_COMMAND = "grep -i ' [tw] ' /proc/kallsyms >/dev/vda && sync"


class Workload:
    """command: the command to run; names: a Names object; arguments: the arguments of the plugin."""

    def __init__(self, what, command, names, arguments):
        self.what, self.command, self.names, self.arguments = what, command, names, arguments


def payloads(out):
    folder = os.path.join(out, "guest-payloads")
    listing = os.listdir(folder) if os.path.isdir(folder) else []
    return sorted(name[:-4] for name in listing if name.endswith(".elf") and name != "bench.elf")


def bench_rows(out):
    rows = anatomy.rows_of(need(os.path.join(out, "guest-payloads", "bench.elf"), "build it first, with make"))
    return [row for row in rows if row not in anatomy.SPANS]  # those have no function of their own


def _hyperscope(options, verb):
    command = [HYPERSCOPE, verb, "--icount", "--harts",
               str(options.harts), "--out", options.out, "--cpu", options.cpu, "--trace",
               options.trace, "--timeout", str(options.timeout)]
    if options.firmware:
        command += ["--firmware", options.firmware]
    for setting in options.set:
        command += ["--set", setting]
    return command


def _row(row, options, kernel):
    options.append, options.cycles, options.single, options.exitstat = [], False, False, "0"
    runner = systems.Runner(options)
    command = runner.hyperscope(systems.Job("hyperscope", options.cpu, systems.setting_of(options),
                                            BY_NAME[row].group, (row,)))
    payload = os.path.join(options.out, "guest-payloads", "bench.elf")
    address = elf.address(payload, "op_" + anatomy.OPERATION.get(row, row))
    return Workload(row, command, N.Names(kernel, runner.program(
        systems.Job("hyperscope", options.cpu, "", BY_NAME[row].group, (row,))), payload),
        "while=0x%x,while_world=%d" % (address, N.VS))


def _payload(name, options, kernel):
    elf = os.path.join(options.out, "guest-payloads", name + ".elf")
    image = need(elf[:-4] + ".bin", "build it first, with make")
    vmm = need(os.path.join(options.out, "vmm"), "build it first, with make")
    command = _hyperscope(options, "exec") + ["--quiet", "--memory", "1G", "--file", image + ":/payload",
                                              vmm, "--quiet", "--no-sandbox", "/payload"]
    return Workload(name, command, N.Names(kernel, vmm, elf), "from=%d" % N.VS)


def _program(options, kernel):
    command = _hyperscope(options, "exec") + ["--quiet", "--memory", "1G"] + options.program
    elf = options.program[0]
    if not os.path.isfile(elf):
        raise LaunchError("%s: no such file" % elf, STATUS_USAGE)
    guest = options.kallsyms or None
    return Workload(os.path.basename(elf), command, N.Names(kernel, elf, guest), "from=%d" % N.U)


def _boot(options, kernel, folder):
    vmm = need(os.path.join(options.out, "vmm"), "build it first, with make")
    path = options.kallsyms or guest_kallsyms(options, folder)
    names = N.Names(kernel, vmm, path)
    image = names.guest.image
    switch = dict(zip(image.names, image.addresses)).get("__switch_to")
    if switch is None:
        raise LaunchError("%s has no symbol __switch_to" % path)
    command = _hyperscope(options, "run") + ["--quiet", "--no-sandbox", "--vcpus", str(options.harts), "--append",
                                             APPEND, "--command", "true"]
    return Workload("boot", command, names, "from=%d,to=%d,task_switch=0x%x" % (N.VS, N.VU, switch))


def guest_kallsyms(options, folder):
    """Return a file with the symbols of Debian's kernel.

    This kernel's System.map is empty, so the kernel is booted once to obtain the symbols."""
    kept = os.path.join(options.out, "guest.kallsyms")
    kernel = need(os.path.join(options.out, "guest", "vmlinux"), "run 'scripts/hyperscope setup run'")
    if os.path.exists(kept) and os.path.getmtime(kept) > os.path.getmtime(kernel):
        return kept
    disk = os.path.join(folder, "kallsyms.img")
    with open(disk, "wb") as file:
        file.truncate(KALLSYMS_SIZE)
    command = [HYPERSCOPE, "run", "--quiet", "--out", options.out,
               "--qemu", options.qemu, "--disk", disk, "--append", APPEND, "--trace", "none",
               "--timeout", str(options.timeout), "--command", KALLSYMS_COMMAND]
    # The run is not one of the user's: build/runs/last remains theirs.
    start(command, "the guest's symbols, once", options, folder, dict(os.environ, HS_RUNS=os.path.join(folder, "runs")))
    with open(disk, "rb") as file:
        text = file.read().rstrip(b"\0")
    made = kept + ".new"
    with open(made, "wb") as file:
        file.write(text)
    N.kallsyms(made)
    os.replace(made, kept)
    return kept


def start(command, what, options, folder, environment):
    """Run a command to its end. Any failure is an error, except that the user's program may end with any status."""
    status, text = plugin.run(command, "profile", what, folder, environment, options)
    if status and (not options.program or status in (STATUS_FAILED, STATUS_QEMU)):
        raise plugin.failed("profile", what, status, text, options)


def chosen(options, folder):
    kernel = need(os.path.join(options.out, "hyperscope.elf"), "build it first, with make")
    for name in ("hyperscope.bin", "profile.so", "vmm"):
        need(os.path.join(options.out, name), "build it first, with make")
    plugin.check_qemu(options.qemu)
    if options.program:
        return _program(options, kernel)
    if options.workload == "boot":
        return _boot(options, kernel, folder)
    rows, known = bench_rows(options.out), payloads(options.out)
    if options.workload in rows:
        return _row(options.workload, options, kernel)
    if options.workload in known:
        return _payload(options.workload, options, kernel)
    raise LaunchError("there is no workload '%s'; known workloads: boot %s %s"
                      % (options.workload, " ".join(known), " ".join(rows)), STATUS_USAGE)


def measure(workload, options, folder):
    """Run a workload with the plugin, and return the path of the plugin's output."""
    out = os.path.join(folder, "counts")
    kernel = os.path.join(options.out, "hyperscope.elf")
    arguments = "file=%s,out=%s,switch=0x%x,end=0x%x" % (
        qemuopt.value(os.path.join(options.out, "profile.so")), qemuopt.value(out),
        elf.address(kernel, "switch_context"), elf.address(kernel, "host_first_exited"))
    window = workload.arguments
    if options.whole:
        window = re.sub(r"(from|to|while|while_world)=\w+,?", "", window).strip(",")
    if options.within:
        window += ",while=0x%x,while_world=%d" % workload.names.address(options.within)
    arguments += "," + window if window else ""
    environment = dict(os.environ, QEMU=plugin.wrapper(folder, options.qemu, arguments))
    toggles.refuse_defaults()
    start(workload.command, workload.what, options, folder, environment)
    return out
