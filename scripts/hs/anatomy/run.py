# SPDX-License-Identifier: MIT
"""run.py - run the bench payload on one system with the anatomy plugin, and read the plugin's recording.

The runs use the same payload, VMM and options as the bench, so they give the same figures.
"""
import array
import glob
import os
import re
import subprocess
import sys

from hs import elf, plugin
from hs.bench import systems
from hs.bench.rows import BY_NAME
from hs.errors import LaunchError
from hs.paths import cross_tool
from hs.run import qemuopt
from hs.run.machine import need
from . import symbols

TOTAL_INSNS = 1 << 23  # limit on the total number of instructions in the recorded paths
# row of the bench -> function of the payload, if its name differs from the row's
OPERATION = {"wfi_pending": "wfi", "stimecmp_write": "csr_stimecmp", "mmio_read_sv39": "mmio_read",
             "mmio_ioeventfd": "mmio_write", "fault_4k_present": "touch_4k",
             "l2_miss": "l2_load", "l2_miss_fresh": "l2_load", "l2_miss_l1": "l2_map",
             "fault_4k_fresh": "touch_4k", "fault_new_table": "touch_2m", "dirty_write": "store_4k",
             "dirty_split": "store_2m", "dirty_harvest": "mmio_write",
             "blk_read_4k": "blk_read", "blk_read_exit": "blk_read"}
BELL = "bench_bell"  # the function of the payload that measures the rows of SPANS
SPANS_IN_BATCH = 100  # BELL_BATCH in src/guest/bench/bell.c
ADDRESS_BITS = 60
LINUX_SYMBOLS = """#!/bin/sh
"$@"
status=$?
grep -i ' [tw] ' /proc/kallsyms >/dev/port.symbols
exit $status
"""


class Operation:
    """A function of the payload with one loop: the addresses of its entry, loop and return."""

    def __init__(self, elf, name):
        self.name = name
        text = subprocess.run([cross_tool("objdump"), "-d", "--no-show-raw-insn",
                               "--disassemble=op_" + name, elf],
                              stdout=subprocess.PIPE, check=True).stdout.decode()
        lines = re.findall(r"^\s*([0-9a-f]+):\s+(\S+)\s*(.*)$", text, re.M)
        loops = [(int(found.group(1), 16), int(address, 16)) for address, mnemonic, operands in lines
                 if mnemonic.startswith("b")
                 for found in [re.search(r"\b([0-9a-f]+) <", operands)]
                 if found and int(found.group(1), 16) <= int(address, 16)]
        returns = [int(address, 16) for address, mnemonic, _ in lines if mnemonic == "ret"]
        if len(loops) != 1 or len(returns) != 1:
            raise LaunchError("op_%s has %d loops and returns %d times; one of each is needed"
                              % (name, len(loops), len(returns)))
        self.entry, self.ret = int(lines[0][0], 16), returns[0]
        self.head, self.back = loops[0]  # the start of the loop, and the branch to it


class Span:
    """The rows of I/O latency: from a reading of the clock in one program to the next reading in another one."""

    def __init__(self, begins, ends, restarts):
        self.begins, self.ends = begins, ends  # (program, function): the last rdtime in the function
        self.restarts = restarts  # the span begins at the last of several readings


# The VMM's thread reads the clock when it has woken (io_out), and, several times, before it signals (io_in).
SPANS = {"io_out": Span(("guest", "bench_ring"), ("vmm", "clock_now"), False),
         "io_in": Span(("vmm", "clock_now"), ("guest", "bench_answered"), True),
         "io_in_apart": Span(("vmm", "clock_now"), ("guest", "bench_answered"), True)}


def _reading(options, program, function):
    """Return the address of the last rdtime in a function."""
    path = payload(options.out) if program == "guest" else os.path.join(options.out, program)
    text = subprocess.run([cross_tool("objdump"), "-d", "--no-show-raw-insn", "--disassemble=" + function, path],
                          stdout=subprocess.PIPE, check=True).stdout.decode()
    found = re.findall(r"^\s*([0-9a-f]+):\s+rdtime\s", text, re.M)
    if not found:
        raise LaunchError("%s: %s does not read the time" % (path, function))
    return int(found[-1], 16)


class Recording:
    """The plugin's output: batches, iterations, paths, encodings; and the figure that the bench printed."""

    def __init__(self, folder, figure):
        self.figure = figure
        self.folder = folder
        self.batches = [tuple(map(int, line.split())) for line in self._lines("batches")]
        self.iterations = [tuple(map(int, line.split())) for line in self._lines("iterations")]
        if not self.batches or not self.iterations:
            raise LaunchError("nothing was recorded: the operation was called fewer than two times")
        self.encodings = {}
        for line in self._lines("insns"):
            address, size, word = line.split()
            self.encodings[int(address, 16)] = (int(word, 16), int(size))
        self._words = array.array("Q")
        self._offsets = self._path_offsets()
        self._read_paths(os.path.join(folder, "paths"))

    def _lines(self, name):
        return plugin.lines_of(os.path.join(self.folder, name), "the " + name)

    def _read_paths(self, path):
        with open(path, "rb") as paths:
            words = paths.read()
        if len(words) < self._words.itemsize * max((end for _, end in self._offsets.values()), default=0):
            raise plugin.cut_short("the paths")
        self._words.frombytes(words[:len(words) // self._words.itemsize * self._words.itemsize])
        if sys.byteorder != "little":
            self._words.byteswap()

    def _path_offsets(self):
        lengths = {}
        for _, path, length in self.iterations:
            lengths.setdefault(path, length)
        offsets, at = {}, 0
        for path in sorted(number for number in lengths if number >= 0):
            offsets[path] = (at, at + lengths[path])
            at += lengths[path]
        return offsets

    def path(self, number):
        first, last = self._offsets[number]
        mask, sign = (1 << ADDRESS_BITS) - 1, 1 << (ADDRESS_BITS - 1)
        result = []
        for word in self._words[first:last]:
            address = word & mask
            if address & sign:
                address |= 0xf << ADDRESS_BITS
            result.append((address, word >> ADDRESS_BITS))
        return result

    def median_batch(self):
        """Return the number of the median batch, determined as in the bench."""
        order = sorted(range(len(self.batches)), key=lambda n: (self.batches[n][1], n))
        return order[(len(order) + 1) // 2 - 1]

    def counts(self, batch):
        """Return path -> (iterations, instructions of all these iterations) for one batch."""
        found = {}
        for where, path, length in self.iterations:
            if where == batch:
                times, total = found.get(path, (0, 0))
                found[path] = (times + 1, total + length)
        return found


def payload(out):
    return os.path.join(out, "guest-payloads", "bench.elf")


def rows_of(path):
    """Return the rows whose operation is a function of the given bench.elf."""
    known = {symbol.name for symbol in elf.functions(path)}
    return [row for row in BY_NAME if "op_" + OPERATION.get(row, row) in known or row in SPANS and BELL in known]


def operations(options):
    """Return the bench's rows that are loops of one operation. Fail if a file that the runs need is missing."""
    for name in ("guest-payloads/bench.elf", "guest-payloads/bench.bin", "vmm", "anatomy.so"):
        need(os.path.join(options.out, name), "build it first, with make")
    return rows_of(payload(options.out))


def _command(system, row, options, folder):
    """Return the bench's command for a row. On Linux, the command also writes out the kernel's symbols at the end."""
    runner = systems.Runner(options)
    runner.qemu = os.path.join(folder, "qemu")
    command = runner.command(systems.Job(system, options.cpu, systems.setting_on(system, options),
                                         BY_NAME[row].group, (row,)))
    if system not in systems.LINUXES:
        return command
    script = os.path.join(folder, "symbols.sh")
    with open(script, "w", encoding="utf-8") as text:
        text.write(LINUX_SYMBOLS)
    os.chmod(script, 0o755)
    port = "-device virtserialport,chardev=symbols,name=symbols"
    shell = os.path.join(options.out, "guest", "busybox")  # it starts the VMM if something has to be set before
    program = shell if shell in command else runner.vmm
    at = command.index(program)
    path = "/started/" + os.path.basename(program)
    return command[:at] + ["--qemu-args", port, "--file", program + ":" + path, script, path] + command[at + 1:]


def _symbols_file(system, folder):
    """Return the arguments of QEMU that write the port of _command() to a file. They are not in --qemu-args, which is split
    at blanks."""
    if system not in systems.LINUXES:
        return []
    return ["-chardev", "file,id=symbols,path=" + qemuopt.value(os.path.join(folder, "kallsyms"))]


def record(system, row, options, folder):
    """Run one row of the payload and return a Recording."""
    path = payload(options.out)
    span = SPANS.get(row)
    if span:
        entry = elf.address(path, BELL)
        what = ("begin=0x%x,end=0x%x,restarts=%d,spans=%d"
                % (_reading(options, *span.begins), _reading(options, *span.ends), span.restarts, SPANS_IN_BATCH))
    else:
        operation = Operation(path, OPERATION.get(row, row))
        entry = operation.entry
        what = "head=0x%x,back=0x%x,ret=0x%x" % (operation.head, operation.back, operation.ret)
    arguments = ("file=%s,dir=%s,entry=0x%x,insns=0x%x,%s,batches=%d,room=%d"
                 % (qemuopt.value(os.path.join(options.out, "anatomy.so")), qemuopt.value(folder),
                    entry, _first_words(path, entry), what, options.batches, TOTAL_INSNS))
    environment = dict(os.environ, QEMU=plugin.wrapper(folder, options.qemu, arguments, _symbols_file(system, folder)))
    command = _command(system, row, options, folder)
    what = "%s on %s" % (row, system)
    status, text = plugin.run(command, "anatomy", what, folder, environment, options)
    if status:
        raise plugin.failed("anatomy", what, status, text, options)
    rows = {found["exit"]: found for found in systems.parse(text)}
    if row not in rows:
        raise LaunchError("%s has no row %s" % (system, row))
    if rows[row]["unit"] != "instructions":
        raise LaunchError("%s: the payload measured %s, not instructions" % (system, rows[row]["unit"]))
    return Recording(folder, float(rows[row]["p50"]))


def _first_words(path, address):
    """Return the 8 bytes at an address as one number."""
    text = subprocess.run([cross_tool("objdump"), "-s", "--start-address=0x%x" % address,
                           "--stop-address=0x%x" % (address + 8), path],
                          stdout=subprocess.PIPE, check=True).stdout.decode()
    words = re.search(r"^ [0-9a-f]+ ((?:[0-9a-f]+ )+) ", text, re.M)
    if words is None:
        raise LaunchError("%s: nothing at 0x%x" % (path, address))
    return int.from_bytes(bytes.fromhex(words.group(1)), "little")


def _core_of(out):
    """Return the names of the core's functions in the Linux modules."""
    objects = glob.glob(os.path.join(out, "linux-module*", "src", "linux", "core", "**", "*.o"), recursive=True)
    return {symbol.name for path in objects for symbol in elf.functions(path)}


def images(system, out, folder):
    """Return the AddressMap of everything that ran."""
    path = payload(out)
    guest = symbols.Image.of_elf(symbols.GUEST, path)
    size = os.path.getsize(path[:-4] + ".bin")
    start = min(guest.addresses)
    user = symbols.Image.of_elf(symbols.USER, os.path.join(out, "vmm"))
    kernel = symbols.Image(symbols.KERNEL, [])
    if system == "hyperscope":
        kernel = symbols.Image.of_elf(symbols.KERNEL, os.path.join(out, "hyperscope.elf"))
    elif system in systems.MODULES:
        kernel = symbols.Image.of_kallsyms(symbols.KERNEL, os.path.join(folder, "kallsyms"), "hyperscope", _core_of(out))
    elif system in systems.LINUXES:
        kernel = symbols.Image.of_kallsyms(symbols.KERNEL, os.path.join(folder, "kallsyms"))
    return symbols.AddressMap(guest, (start, start + size), user, kernel)
