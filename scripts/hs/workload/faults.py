# SPDX-License-Identifier: MIT
"""faults.py - run a workload on QEMU with planted faults, and report which of them are found."""
import bisect
import concurrent.futures
import os
import shutil
import struct
import subprocess
import time

from hs import elf, ends
from hs.errors import LaunchError
from hs.paths import TOP
from hs.run import qemuopt

from . import plant, simulators

SRET, CSRR_HTINST, CSRR_MASK = 0x10200073, 0x64a02073, 0xfffff07f
RET = struct.pack("<H", 0x8082)
NO_EVENTS = "none"
HOST_SRETS = ("from_kernel", "return_from_syscall", "trap_return_to_user", "redirect_probe")  # they enter no guest
WAIT = "ulimit -c 0; while [ ! -S %s ]; do sleep 0.02; done; exec \"$@\""
LEAST, FACTOR = 10, 5  # the time limit: seconds, at least, and as a multiple of the time of a run without a fault


def _segment(path, address):
    """Return the virtual address and the contents of the segment with ADDRESS."""
    with open(path, "rb") as file:
        data = file.read()
    for segment in elf.segments(path):
        if segment.virtual <= address < segment.virtual + segment.file_size:
            return segment.virtual, data[segment.offset:segment.offset + segment.file_size]
    raise LaunchError("%s: %#x is in no segment" % (path, address))


def _text(path):
    """Yield (address, instruction of 4 bytes, function) at each possible place in the host's code."""
    functions = sorted((symbol.value, symbol.name) for symbol in elf.functions(path))
    start, text = _segment(path, elf.address(path, "vcpu_switch"))
    for at in range(0, len(text) - 3, 2):
        word, = struct.unpack_from("<I", text, at)
        if word == SRET or word & CSRR_MASK == CSRR_HTINST:
            yield start + at, word, functions[bisect.bisect(functions, (start + at, "~")) - 1][1]


def _ret(path, function):
    address = elf.address(path, function)
    start, text = _segment(path, address)
    for at in range(address - start, address - start + 64, 2):
        if text[at:at + 2] == RET:
            return start + at
    raise LaunchError("%s: %s has no ret" % (path, function))


def addresses(out):
    """Return, for each place, address -> the register that the fault changes there (HTINST), or 0."""
    kernel = os.path.join(out, "hyperscope.elf")
    payload = os.path.join(out, "guest-payloads", "smoke.elf")
    found = list(_text(kernel))
    return {plant.EXIT: {elf.address(kernel, name): 0 for name in ("vcpu_exit_vector", "vcpu_exit_fast")},
            plant.ENTRY: {at: 0 for at, word, function in found if word == SRET and function not in HOST_SRETS},
            plant.HTINST: {at + 4: word >> 7 & 31 for at, word, _ in found if word != SRET},
            plant.TRAP: {elf.address(payload, "trap_entry"): 0}, plant.LOADED: {_ret(payload, "load64"): 0}}


def _run(fault, path, profile, options, places, folder, limit):
    socket = os.path.join(folder, fault.name + ".gdb")
    gdb = ["gdb-multiarch", "-q", "-nx", "-batch", "-ex", "set confirm off", "-ex", "set osabi none", "-ex",
           "set architecture riscv:rv64", "-ex", "set tcp connect-timeout 20", "-ex", "target remote " + socket, "-ex",
           "python import sys; sys.path.insert(0, %r); from hs.workload import plant; plant.plant(%r, %r)"
           % (os.path.join(TOP, "scripts"), fault.name, places), "-ex", "continue"]
    words = simulators.command("qemu", path, profile, options.qemu,
                               ["-S", "-chardev", "socket,id=gdb,server=on,wait=off,path=" + qemuopt.value(socket), "-gdb", "chardev:gdb"])
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        machine = pool.submit(simulators.run, words, limit)
        try:
            debugger = ends.captured(["timeout", "--kill-after=2", simulators.limit(limit), "sh", "-c", WAIT % socket, "sh"] + gdb,
                                     cwd=folder, stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT)
            outcome = machine.result()
        except BaseException:
            ends.terminate_all()  # else the machine runs to its time limit before the command ends
            raise
    if debugger.returncode not in simulators.TIMED_OUT and (
            plant.PLANTED.encode() not in debugger.stdout or debugger.returncode not in (0, 1)):
        raise LaunchError("gdb-multiarch failed with status %d: %s"
                          % (debugger.returncode, debugger.stdout.decode(errors="replace").strip()))
    return outcome


def _divergence(out, expected, log):
    done = simulators.compare_events(out, expected, log, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    text = done.stdout.decode(errors="replace")
    if done.returncode == 0:
        return None
    return text.partition("\n")[0].rpartition(" ")[2] if done.returncode == 1 else NO_EVENTS


def judge(outcome, event):
    """Return how a fault was found: by claims, crash, hang or events; or "missed"."""
    if outcome.verdict == "FAIL":
        return "claims"
    if not outcome.ended:
        return "hang"
    if outcome.verdict != "PASS":
        return "crash"
    if event == NO_EVENTS:
        raise LaunchError("a run with PASS has no events to compare")
    return "missed" if event is None else "events"


def run_all(chosen, path, profile, options, expected):
    """Yield (fault, how it was found, the number of the first event that differs or None, the claim that failed)."""
    if not shutil.which("gdb-multiarch"):
        raise LaunchError("there is no gdb-multiarch; run 'scripts/hyperscope setup --no-guest test'")
    places = addresses(options.out)
    with ends.folder("faults.") as folder:
        start = time.monotonic()
        outcome = _run(plant.CONTROL, path, profile, options, places, folder, options.timeout)
        limit = max(LEAST, FACTOR * (time.monotonic() - start))
        if judge(outcome, _divergence(options.out, expected, outcome.log)) != "missed":
            raise LaunchError("a run without a fault differs from %s: %s" % (expected, outcome.why or "see its events"))
        for fault in chosen:
            outcome = _run(fault, path, profile, options, places, folder, limit)
            event = _divergence(options.out, expected, outcome.log)
            yield fault, judge(outcome, event), event, outcome.why
