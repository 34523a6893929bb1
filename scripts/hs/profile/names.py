# SPDX-License-Identifier: MIT
"""names.py - find the function of an instruction from its world and address.

Worlds are privilege modes. A block that ran in host user mode is attributed to the profiled program only if the
program's file has the same instructions at this address; the files of other programs are not known.
"""
import bisect

from hs import elf
from hs.anatomy import insn, symbols
from hs.errors import STATUS_USAGE, LaunchError

U, HS, M, VU, VS = 0, 1, 3, 4, 5
WORLDS = {M: "firmware", HS: "host kernel", U: "host user", VS: "guest kernel", VU: "guest user"}
RAM = 0x80000000  # start of RAM in QEMU's virt machine and in the guest
LINUX_TEXT = 0x200000  # offset of a RISC-V Linux Image in RAM: its header's text_offset
OTHER_PROGRAM = "[another program]"
GUEST_PROGRAM = "[a guest's program]"
NO_SYMBOL = "[no symbol]"


class Table:
    """Names of the functions of one image, by address."""

    def __init__(self, image, first, last):
        self.image, self.first, self.last = image, first, last

    def name(self, address):
        if not self.first <= address < self.last:
            return None
        at = bisect.bisect_right(self.image.addresses, address) - 1
        return self.image.names[at] if at >= 0 else None


def _add_labels(image, path):
    """Add labels outside functions as functions: assembly code after a C function may have only a local label."""
    ends = {}
    for symbol in elf.table(path):
        # Functions in assembly have no size, so labels after such a function are taken to be part of it.
        if symbol.kind == elf.FUNC and symbol.size:
            ends[symbol.value] = max(ends.get(symbol.value, 0), symbol.value + symbol.size)
    for address, name in image.labels:
        at = bisect.bisect_right(image.addresses, address) - 1
        if at < 0 or 0 < ends.get(image.addresses[at], 0) <= address != image.addresses[at]:
            image.addresses.insert(at + 1, address)
            image.names.insert(at + 1, name)


def elf_table(world, path):
    loaded = elf.segments(path)
    if not loaded:
        raise LaunchError("%s has no segment to load" % path)
    image = symbols.Image.of_elf(world, path)
    _add_labels(image, path)
    return Table(image, min(part.virtual for part in loaded),
                 max(part.virtual + part.size for part in loaded))


class Program:
    """A program on the host. Instructions belong to it if its file has the same instructions at the same address."""

    def __init__(self, path):
        self.table = elf_table(symbols.USER, path)
        self.parts = []
        with open(path, "rb") as file:
            for part in elf.segments(path):
                file.seek(part.offset)
                self.parts.append((part.virtual, file.read(part.file_size)))

    def has(self, address, words):
        data = b"".join(word.to_bytes(4 if word & 3 == 3 else 2, "little") for word in words)
        return any(virtual <= address and part[address - virtual:address - virtual + len(data)] == data
                   for virtual, part in self.parts)


class Names:
    def __init__(self, kernel_elf, program=None, guest=None):
        """guest: a payload's ELF file, a copy of a Linux guest's /proc/kallsyms, or None."""
        self.kernel = elf_table(symbols.KERNEL, kernel_elf)
        linked, physical, size = elf.segments(kernel_elf)[0][:3]
        self.early = (physical, physical + size, linked - physical)
        self.program = Program(program) if program else None
        self.guest, self.guest_early = None, 0
        if guest and guest.endswith(".elf"):
            self.guest = elf_table(symbols.GUEST, guest)
        elif guest:
            image = kallsyms(guest)
            start = dict(zip(image.names, image.addresses)).get("_start")
            if start is None:
                raise LaunchError("--kallsyms %s: no symbol _start, so not a kernel's /proc/kallsyms" % guest, STATUS_USAGE)
            self.guest = Table(image, image.addresses[0], 1 << 64)
            self.guest_early = start - RAM - LINUX_TEXT
        self.firmware = []  # start addresses of the firmware's functions that were called

    def find_firmware(self, blocks):
        """Find the functions of OpenSBI, which has no symbols: the targets of its direct calls."""
        entries = set()
        for world, address, words in blocks:
            if world != M:
                continue
            for word in words:
                decoded = insn.decode(word, 4 if word & 3 == 3 else 2)
                if decoded.kind == insn.CALL and decoded.offset is not None:
                    entries.add(address + decoded.offset)
                address += decoded.size
        self.firmware = sorted(entries)

    def _firmware(self, address):
        at = bisect.bisect_right(self.firmware, address) - 1
        return "firmware+0x%x" % (self.firmware[at] - RAM) if at >= 0 else "firmware"

    def function(self, world, address):
        if world == M:
            return self._firmware(address)
        if world == HS:
            if self.early[0] <= address < self.early[1]:
                address += self.early[2]
            return self.kernel.name(address) or NO_SYMBOL
        if world == U:
            return (self.program and self.program.table.name(address)) or OTHER_PROGRAM
        if self.guest is None:
            return "[guest]"
        if world == VS and self.guest_early and address < 1 << 40:
            address += self.guest_early  # the guest's MMU is not on yet
        name = self.guest.name(address)
        if name is None:
            return GUEST_PROGRAM if world == VU else NO_SYMBOL
        return name

    def address(self, function):
        """Return the address of a function and the world in which it runs.

        The guest is searched first, then the host, then the program. It is an error if none of them has the function."""
        for world, image in ((VS, self.guest and self.guest.image), (HS, self.kernel.image),
                             (U, self.program and self.program.table.image)):
            if image and function in image.names:
                return image.addresses[image.names.index(function)], world
        raise LaunchError("--while %s: no function of the guest, the host or the program has this name"
                          % function, STATUS_USAGE)


def kallsyms(path):
    try:
        return symbols.Image.of_kallsyms(symbols.GUEST, path)
    except OSError as error:
        raise LaunchError("--kallsyms %s: %s" % (path, error.strerror), STATUS_USAGE) from None
    except (ValueError, UnicodeDecodeError, LaunchError):
        raise LaunchError("--kallsyms %s: not a copy of /proc/kallsyms read as root" % path,
                          STATUS_USAGE) from None
