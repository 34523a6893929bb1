# SPDX-License-Identifier: MIT
"""symbols.py - find the functions that contain an address.

Each source of instructions is an Image: the payload, the VMM, the host's kernel, the firmware. Their
addresses do not overlap, so an address determines the image.
"""
import bisect
import subprocess

from hs import elf
from hs.errors import LaunchError
from hs.paths import TOP, cross_tool

GUEST, KERNEL, USER, FIRMWARE = "guest", "kernel", "user", "firmware"


def run(command, text=None, purpose="run"):
    try:
        done = subprocess.run(command, input=text, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, check=False, encoding="utf-8", errors="replace")
    except OSError as error:
        raise LaunchError("%s: %s; run 'scripts/hyperscope setup %s'"
                          % (command[0], error.strerror, purpose)) from None
    if done.returncode:
        why = (done.stderr.strip().splitlines() or ["status %d" % done.returncode])[-1].rpartition(": ")[2]
        raise LaunchError("%s failed on %s: %s" % (command[0], command[-1], why))
    return done.stdout


class Image:
    """One program's symbols. world: GUEST, KERNEL, USER or FIRMWARE. core: of a kernel, the names of the hypervisor core's
    functions, or None if those compiled from src/kvm are meant."""

    def __init__(self, world, symbols, elf=None, core=None):
        self.world = world
        self.elf = elf
        self.core = core
        symbols = sorted(symbols)
        self.addresses = [address for address, _ in symbols]
        self.names = [name for _, name in symbols]
        self.labels = []  # (address, name) of labels within functions in assembly
        self.inline = {}  # address -> [(function, file:line), ...], innermost first

    @classmethod
    def of_elf(cls, world, path):
        functions, labels = {}, []
        for symbol in elf.functions(path):
            if symbol.name.startswith(".L"):  # ignore the compiler's local labels
                continue
            if symbol.bind == elf.LOCAL and symbol.kind == elf.NOTYPE:
                labels.append((symbol.value, symbol.name))
            else:
                functions.setdefault(symbol.value, symbol.name)
        image = cls(world, functions.items(), path)
        image.labels = sorted(labels)
        return image

    @classmethod
    def of_kallsyms(cls, world, path, module="kvm", core=None):
        """core: names of functions; default: all functions of the module."""
        found, names = {}, set()
        with open(path, encoding="utf-8") as table:
            for line in table:
                words = line.split()
                if len(words) < 3 or words[1] not in "tTwW" or words[2].startswith(("$", ".L")):
                    continue
                if found.setdefault(int(words[0], 16), words[2]) == words[2] and words[3:] == ["[%s]" % module]:
                    names.add(words[2])
        if not found or max(found) == 0:
            raise LaunchError("Linux did not show its symbols (/proc/kallsyms)")
        return cls(world, found.items(), core=names if core is None else names & core)

    def is_core(self, address):
        """Return whether the instruction belongs to a function of the hypervisor's core."""
        if self.core is not None:
            return self.function(address) in self.core
        return self.line(address, -1).startswith("src/kvm/")

    def function(self, address):
        at = bisect.bisect_right(self.addresses, address) - 1
        return self.names[at] if at >= 0 else "0x%x" % address

    def start(self, address):
        at = bisect.bisect_right(self.addresses, address) - 1
        return self.addresses[at] if at >= 0 else address

    def read_lines(self, addresses):
        """Read the inlined functions at these addresses with one call of addr2line."""
        if self.elf is None:
            return
        text = "".join("0x%x\n" % address for address in addresses)
        out = run([cross_tool("addr2line"), "-a", "-f", "-i", "-e", self.elf], text).splitlines()
        at = None
        for line in out:
            if line.startswith("0x") and ":" not in line:
                at = self.inline.setdefault(int(line, 16), [])
                name = None
            elif name is None:
                name = line
            else:
                if name != "??":
                    at.append((name, line.split(" (")[0]))
                name = None

    def chain(self, address):
        """Return the functions that contain this instruction, including inlined ones, innermost first."""
        names = [name for name, _ in self.inline.get(address, ())]
        own = self.function(address)
        if names:
            return names[:-1] + [own]
        # In assembly, a symbol stands for a function, and a label within it for an inlined function.
        at = bisect.bisect_right(self.labels, (address, "\x7f")) - 1
        if at >= 0 and self.labels[at][0] >= self.start(address):
            return [self.labels[at][1], own]
        return [own]

    def line(self, address, function=0):
        """Return FILE:LINE in the innermost function that contains this instruction or, with -1, in the outermost one."""
        places = self.inline.get(address)
        # Only assembly code has absolute paths here: for C, -ffile-prefix-map has removed TOP.
        return places[function][1].replace(TOP + "/", "") if places else ""


class Firmware(Image):
    """OpenSBI without symbols, as distributions ship it: functions are found from calls and traps."""

    def __init__(self, base, size):
        super().__init__(FIRMWARE, [])
        self.base = base
        self.size = size

    def entered(self, address):
        """Record that a call or trap went to this address, so a function begins there."""
        at = bisect.bisect_left(self.addresses, address)
        if at == len(self.addresses) or self.addresses[at] != address:
            self.addresses.insert(at, address)
            self.names.insert(at, "firmware+0x%x" % (address - self.base))


class AddressMap:
    """All images of one run."""

    def __init__(self, guest, guest_range, user, kernel):
        self.guest, self.user, self.kernel = guest, user, kernel
        self.guest_range = guest_range
        self.firmware = Firmware(0x80000000, 0x200000)

    def image(self, address):
        if self.guest_range[0] <= address < self.guest_range[1]:
            return self.guest
        if address >= 1 << 59:
            return self.kernel
        if self.firmware.base <= address < self.firmware.base + self.firmware.size:
            return self.firmware
        return self.user
