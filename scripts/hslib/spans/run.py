# SPDX-License-Identifier: MIT
"""run.py - a workload on hyperscope with the plugin watching; the paths that it went.

Workloads are programs that are there for other ends, too: the bench's payload, and
tests/kvm/spans, which does one operation after the other on much memory.
"""
import os
import re
import shlex
import stat
import subprocess
import sys
import time

from .. import toggles
from ..anatomy import symbols
from ..errors import STATUS_TIMEOUT, STATUS_USAGE, LaunchError
from ..machine import need, qemu_version
from .show import Names, Path

TOP = symbols.TOP
QEMU_MIN = 9  # the first with counters and registers for plugins
QUIET_SECONDS = 2
SPANS = "{out}/tests/kvm/spans"
VMM = ["--file", "{out}/guest-payloads/bench.bin:/bench.bin"]
PAYLOAD = ["{out}/vmm", "--quiet", "--append"]

# Name -> what it is; the options of scripts/hyperscope, then the program and its arguments.
WORKLOADS = {
    "exits": ("every exit of the bench's payload",
              ["exec"] + VMM + PAYLOAD + ["", "/bench.bin"]),
    "sparse": ("range operations on 64 GiB of guest memory, 1024 pages of it alone in their 2 MiB",
               ["exec", SPANS, "sparse", "1024"]),
    "dense": ("the same on 64 MiB in pages of 4 KiB, side by side",
              ["exec", SPANS, "dense", "16384"]),
    "large": ("the same on 256 MiB in pages of 2 MiB", ["exec", SPANS, "large", "128"]),
    "slots": ("the same beside 2000 memory slots", ["exec", SPANS, "slots", "2000"]),
    "vms": ("200 VMs, one after the other and 64 at a time, with VMIDs of 2 bits",
            ["exec", SPANS, "vms", "200"]),
    "process": ("fork, exec, munmap, mremap, mprotect, exit of a process of 256 MiB",
                ["exec", SPANS, "process", "256"]),
    "files": ("a file of 64 MiB: written, mapped, copied, cut short, removed",
              ["exec", SPANS, "files", "64"]),
    "trace": ("every event recorded, until the ring has gone round",
              ["exec", "--trace", "all", SPANS, "dense", "4096"]),
    "boot": ("Debian's kernel as the guest, its tour and its end: minutes",
             ["run", "--smp", "1", "--append", "console=ttyS0 quiet"]),
}
BY_ITSELF = [name for name in WORKLOADS if name != "boot"]


def chosen(options):
    """What is to run: names of WORKLOADS, or None for the user's own program."""
    toggles.refuse_defaults()
    toggles.check_toggles(TOP, options.set)
    toggles.check_trace(TOP, options.trace)
    for name in options.workload:
        if name not in WORKLOADS:
            raise LaunchError("there is no workload '%s'; there are %s"
                              % (name, " ".join(WORKLOADS)), STATUS_USAGE)
    if qemu_version(options.qemu)[0] < QEMU_MIN:
        raise LaunchError("%s is older than QEMU %d, the first whose plugins can do this"
                          % (options.qemu, QEMU_MIN))
    for name in ("hyperscope.elf", "hyperscope.bin", "irqs_off.so"):
        need(os.path.join(options.out, name), "build it first, with make")
    if options.program:
        return [None]
    return options.workload or BY_ITSELF


def _kernel(elf):
    """Where the kernel's image lies, and where it is linked: (first, behind it, linked)."""
    text = symbols.run([symbols.tool("readelf"), "-lW", elf])
    load = re.search(r"^\s*LOAD\s+\S+\s+(\S+)\s+(\S+)\s+\S+\s+(\S+)", text, re.M)
    if load is None:
        raise LaunchError("%s has no segment to load" % elf)
    linked, first, size = (int(word, 16) for word in load.groups())
    return first, first + size, linked


def _arguments(options, out):
    elf = os.path.join(options.out, "hyperscope.elf")
    text = symbols.run([symbols.tool("nm"), elf])
    places = []
    for name in ("switch_context", "host_first_exited"):
        found = re.search(r"^([0-9a-f]+) [Tt] %s$" % name, text, re.M)
        if found is None:
            raise LaunchError("%s has no %s" % (elf, name))
        places.append(found.group(1))
    words = (os.path.join(options.out, "irqs_off.so").replace(",", ",,"), out.replace(",", ",,"))
    return ("file=%s,out=%s,kernel=0x%x,kernel_end=0x%x,linked=0x%x,switch=0x%s,end=0x%s"
            % (words + _kernel(elf) + tuple(places)))


def _wrapper(folder, qemu, arguments):
    """A QEMU with the plugin: whatever starts the machine needs to know nothing of it."""
    path = os.path.join(folder, "qemu")
    with open(path, "w", encoding="utf-8") as script:
        script.write("#!/bin/sh\nexec %s \"$@\" -plugin %s\n"
                     % (shlex.quote(qemu), shlex.quote(arguments)))
    os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR)
    return path


def _command(name, options):
    form = ["exec"] + options.program if name is None else WORKLOADS[name][1]
    words = [word if name is None else word.format(out=options.out) for word in form]
    if name is not None:
        for word in words:
            path = word.split(":")[0]
            if path.startswith(options.out):
                need(path, "make builds it")
    command = [os.path.join(TOP, "scripts", "hyperscope"), words[0], "--icount", "--quiet",
               "--harts", str(options.harts), "--out", options.out, "--cpu", options.cpu,
               "--ram", "1G", "--trace", options.trace, "--boot", "exitstat=0",
               "--timeout", str(options.timeout)]
    if words[0] == "run":
        command.remove("--quiet")
        del command[command.index("--ram"):][:2]
    if options.firmware:
        command += ["--bios", options.firmware]
    for setting in options.set:
        command += ["--set", setting]
    return command + words[1:]


def _wait(process, what):
    """Where somebody looks, say after a while what is being done."""
    start, said = time.monotonic(), False
    while True:
        try:
            process.wait(0.2)
            break
        except subprocess.TimeoutExpired:
            pass
        if time.monotonic() - start < QUIET_SECONDS:
            continue
        if sys.stderr.isatty():
            sys.stderr.write("\rirqs-off: %s: %d s" % (what, time.monotonic() - start))
        elif not said:
            sys.stderr.write("irqs-off: %s ...\n" % what)
        sys.stderr.flush()
        said = True
    if said and sys.stderr.isatty():
        sys.stderr.write("\r\033[K")


def measure(name, options, folder):
    """Run it once; its paths."""
    what = name or os.path.basename(options.program[0])
    out = os.path.join(folder, "spans")
    if os.path.exists(out):
        os.remove(out)
    environment = dict(os.environ, QEMU=_wrapper(folder, options.qemu, _arguments(options, out)))
    said = os.path.join(folder, "said")
    with open(said, "wb") as output:
        try:
            process = subprocess.Popen(_command(name, options), stdin=subprocess.DEVNULL,
                                       stdout=output, stderr=subprocess.STDOUT, env=environment)
        except OSError as error:
            raise LaunchError("scripts/hyperscope: %s" % error.strerror) from None
        try:
            _wait(process, what)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
    with open(said, encoding="utf-8", errors="replace") as text:
        words = text.read().strip().splitlines()
    if process.returncode == STATUS_TIMEOUT:
        raise LaunchError("%s: ended after %d seconds (--timeout)" % (what, options.timeout),
                          STATUS_TIMEOUT)
    if process.returncode and (name is not None or not os.path.exists(out)):
        raise LaunchError("%s ended with status %d%s" % (what, process.returncode,
                                                         ": " + words[-1] if words else ""))
    return _paths(out, what, options)


def _paths(out, what, options):
    try:
        with open(out, encoding="ascii") as lines:
            text = lines.read().splitlines()
    except OSError as error:
        raise LaunchError("the plugin left nothing of %s: %s" % (what, error.strerror)) from None
    names, paths = Names(options.out), []
    for line in text:
        words = line.split()
        if words[0] == "path":
            paths.append(Path(names, words[1:], what))
        elif words[0] == "block":
            paths[-1].add_block(names, int(words[1], 16), int(words[2]) * int(words[3]))
        elif words[0] == "sie" and words[1] != "0":
            raise LaunchError("%s: the kernel met %s windows with sstatus.SIE = 1, of which this "
                              "count knows nothing" % (what, words[1]))
    return paths
