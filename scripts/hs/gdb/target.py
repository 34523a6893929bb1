# SPDX-License-Identifier: MIT
"""target - the machine behind gdb: harts, registers, physical memory, the kernel's structures.

Memory is read by physical address, so it does not matter which page tables the stopped hart uses. Only RAM
is read, because reading a device may change its state. Layouts of structures come from DWARF.
"""
import contextlib
import os
import re

import gdb
from hs import elf, tables

WORLDS = {0: "U", 1: "HS", 3: "M", 4: "VU", 5: "VS"}
RAM_BASE = 0x80000000   # start of RAM in QEMU's virt machine, as in trace/file/ram.c
IMAGE_PA = 0x80200000   # where QEMU's -kernel loads the image
MASK = (1 << 64) - 1


class Problem(gdb.GdbError):
    """An error message for the user."""


def _define(name):
    with open(os.path.join(tables.TOP, "src/host/platform/layout.h"), encoding="utf-8") as layout:
        return int(re.search(r"^#define %s\s+(0x\w+)" % name, layout.read(), re.M).group(1), 16)


LINEAR_BASE, LINEAR_SIZE = _define("LINEAR_BASE"), _define("LINEAR_SIZE")
KERNEL_BASE, KSTACK_BASE = _define("KERNEL_BASE"), _define("KSTACK_BASE")
_ram_size = None
_symbols = None


def need_machine():
    thread = gdb.selected_thread()
    if thread is None or not thread.is_valid():
        raise Problem("no machine is attached: use make gdb or target remote")
    if thread.is_running():
        raise Problem("the machine is running: stop it first with Ctrl-C")


# -- harts and registers -----------------------------------------------------------------------

def hart():
    """Return the ID of the selected hart, as the firmware numbers harts."""
    return gdb.selected_thread().ptid[1] - 1


@contextlib.contextmanager
def on_hart(number):
    """Select hart NUMBER for the duration of the with block, then select the previous hart again."""
    before = gdb.selected_thread()
    if hart() != number:
        for thread in gdb.selected_inferior().threads():
            if thread.ptid[1] - 1 == number:
                thread.switch()
                break
        else:
            raise Problem("the machine has no hart %d" % number)
    try:
        yield
    finally:
        if before.is_valid():
            before.switch()


def register(name):
    """Return a register of the selected hart, or None if the register does not exist or cannot be read."""
    try:
        value = gdb.parse_and_eval("(unsigned long)$" + name)
        return int(value) & MASK
    except (gdb.error, gdb.MemoryError):
        return None


def world():
    """Return the selected hart's privilege mode: M, HS, U, VS or VU."""
    return WORLDS.get(register("priv"), "?")


def is_virtual():
    return world() in ("VS", "VU")


# -- physical memory ---------------------------------------------------------------------------

def ram_end():
    global _ram_size
    if _ram_size is None:
        text = gdb.execute("monitor info memory_size_summary", to_string=True)
        found = re.search(r"base memory: (\d+)", text)
        if not found:
            raise Problem("QEMU does not say how much memory the machine has")
        _ram_size = int(found.group(1))
    return RAM_BASE + _ram_size


def read_physical(pa, size):
    """Return bytes of RAM, or None if the range is not in RAM."""
    if pa < RAM_BASE or pa + size > ram_end():
        return None
    gdb.execute("maintenance packet Qqemu.PhyMemMode:1", to_string=True)
    try:
        return bytes(gdb.selected_inferior().read_memory(pa, size))
    except gdb.MemoryError:
        return None
    finally:
        gdb.execute("maintenance packet Qqemu.PhyMemMode:0", to_string=True)


def device_store(pa, value):
    """Store 32 bits at a physical address, in RAM or in a device. Raise gdb.MemoryError if nothing is there."""
    gdb.execute("maintenance packet Qqemu.PhyMemMode:1", to_string=True)
    try:
        gdb.selected_inferior().write_memory(pa, value.to_bytes(4, "little"))
    finally:
        gdb.execute("maintenance packet Qqemu.PhyMemMode:0", to_string=True)
        gdb.execute("maintenance flush register-cache", to_string=True)  # the store may have raised an interrupt


def read_pte(pa):
    data = read_physical(pa, 8)
    return None if data is None else int.from_bytes(data, "little")


def kernel_pa(va):
    """Return the physical address of an address in the kernel image or the linear map; None for any other address."""
    if KERNEL_BASE <= va <= MASK:
        return va - KERNEL_BASE + IMAGE_PA
    if LINEAR_BASE <= va < LINEAR_BASE + LINEAR_SIZE:
        return va - LINEAR_BASE
    return None


def read_kernel(va, size):
    pa = kernel_pa(va)
    data = None if pa is None else read_physical(pa, size)
    if data is None:
        raise Problem("the kernel's structure at 0x%x cannot be read: it lies outside RAM" % va)
    return data


# -- the kernel's symbols ----------------------------------------------------------------------

def kernel_symbols():
    """Return the symbols of hyperscope.elf only, because the VMM and the guest have functions with the same names."""
    global _symbols
    if _symbols is None:
        path = next((o.filename for o in gdb.objfiles()
                     if os.path.basename(o.filename) == "hyperscope.elf"), None)
        if path is None:
            raise Problem("hyperscope.elf is not loaded: make gdb loads it, or "
                          "file build/hyperscope.elf")
        _symbols = elf.symbols(path)
    return _symbols


def address(symbol):
    """Return the address of a function or variable of the kernel."""
    if symbol not in kernel_symbols():
        raise Problem("hyperscope.elf has no symbol %s: was it built from the same sources as these commands?"
                      % symbol)
    return kernel_symbols()[symbol]


def vmm_address(name):
    """Return the address of a function or variable of the VMM, which is not relocated."""
    path = next((o.filename for o in gdb.objfiles() if os.path.basename(o.filename) == "vmm"), None)
    symbols = elf.symbols(path) if path else {}
    if name not in symbols:
        raise Problem("the VMM has no symbol '%s'" % name if path else "the VMM's symbols are not loaded: make gdb loads them")
    return symbols[name]


def ctype(name, near="vcpu_run"):
    """Return the type NAME as it is visible in the kernel's source file that contains the function `near`."""
    block = gdb.block_for_pc(address(near))
    if block is None:
        raise Problem("hyperscope.elf has no debug information: build it with make")
    return gdb.lookup_type(name, block)


def load(type_, va):
    """Return a copy of the kernel's object at an address, as a gdb.Value."""
    return gdb.Value(read_kernel(va, type_.sizeof), type_)


def image_is_there():
    """Return whether RAM contains hyperscope's image at the expected address."""
    data = read_physical(kernel_pa(address("run_desc")), 8)
    return data is not None and data == b"HSPRUN01"
