# SPDX-License-Identifier: MIT
"""hung.py - find out from a machine's memory what its vCPUs or programs were doing when its time-out expired.

The host's lists of VMs and threads are found with the symbols in its ELF file and the member offsets that
the build generates. The machine may still be running, or its host may be from another build, so any value may be
invalid. If the lists cannot be read, nothing is reported.
"""
import os
import re
import struct

LINEAR_BASE = 0xffffffc000000000   # linear map of physical memory in the host (src/host/platform/layout.h)
KERNEL_BASE = 0xffffffff80000000   # the host's image, which is loaded at IMAGE
RAM_BASE, IMAGE = 0x80000000, 0x80200000
MOST = 256          # maximum number of list entries or vCPUs to read, in case a list has a loop or a count is invalid
SHOWN = 8
STATES = ("ran", "slept", "slept", "slept", "had ended")   # ORDER: enum thread_state
OUTSIDE, AWAKE = 0, 0                                        # enum vcpu_mode, enum vcpu_blocking


def _symbols(elf, names):
    """Return the addresses of the host's variables with these NAMES."""
    with open(elf, "rb") as file:
        image = file.read()
    offset, = struct.unpack_from("<Q", image, 0x28)
    size, count = struct.unpack_from("<HH", image, 0x3a)
    sections = [struct.unpack_from("<IIQQQQII", image, offset + n * size) for n in range(count)]
    found = {}
    for _, kind, _, _, start, length, link, _ in sections:
        if kind != 2:  # SHT_SYMTAB
            continue
        text = sections[link][4]
        for at in range(start, start + length, 24):
            name, _, _, _, value, _ = struct.unpack_from("<IBBHQQ", image, at)
            for wanted in names:
                if image.startswith(wanted.encode() + b"\0", text + name):
                    found[wanted] = value
    return found


class Memory:
    def __init__(self, ram, elf, out):
        self.file = ram
        self.at = {}
        for name in ("kvm_offsets.h", "host_offsets.h"):
            with open(os.path.join(out, "gen", name), encoding="ascii") as header:
                self.at.update((name, int(value)) for name, value in re.findall(r"^#define (\w+) (\d+)$", header.read(), re.M))
        self.symbols = _symbols(elf, ("vms", "all_threads"))

    def get(self, address, form):
        at = address - KERNEL_BASE + IMAGE if address >= KERNEL_BASE else address - LINEAR_BASE
        self.file.seek(at - RAM_BASE)
        return struct.unpack(form, self.file.read(struct.calcsize(form)))[0]

    def member(self, base, name, form="<I"):
        return self.get(base + self.at[name], form)

    def each(self, head, link):
        """Yield the entries of one of the host's lists."""
        first, node = self.symbols[head], self.get(self.symbols[head], "<Q")
        for _ in range(MOST):
            if node == first:
                break
            yield node - self.at[link]
            node = self.get(node, "<Q")


def _vcpu(memory, vm, vcpu):
    name = "vCPU %d of VM %d" % (memory.member(vcpu, "VCPU_id"), memory.member(vm, "KVM_id"))
    if memory.member(vcpu, "VCPU_mode") != OUTSIDE:
        return "%s was in its guest on hart %d, entered at 0x%x" % (
            name, memory.member(vcpu, "VCPU_hart"), memory.member(vcpu, "GUEST_sepc", "<Q"))
    if memory.member(vcpu, "VCPU_hsm_stopped", "<B"):
        return name + " was stopped"
    if memory.member(vcpu, "VCPU_blocking") != AWAKE:
        return "%s waited for an interrupt at 0x%x" % (name, memory.member(vcpu, "GUEST_sepc", "<Q"))
    return name + " was not in its guest"


def _vcpus(memory):
    for vm in memory.each("vms", "KVM_link"):
        table = memory.member(vm, "KVM_vcpus", "<Q")
        for n in range(min(memory.member(vm, "KVM_nr_vcpus"), MOST)):
            yield _vcpu(memory, vm, memory.get(table + 8 * n, "<Q"))


def _threads(memory):
    for thread in memory.each("all_threads", "THREAD_link"):
        if memory.member(thread, "THREAD_process", "<Q"):
            name = memory.member(thread, "THREAD_name", "16s").split(b"\0")[0].decode(errors="replace")
            state = memory.member(thread, "THREAD_state")
            yield "thread %d (%s) %s" % (memory.member(thread, "THREAD_tid"), name,
                                         STATES[state] if state < len(STATES) else "had no valid state")


def what_it_did(ram, elf, out):
    """Return "; vCPU 0 of VM 1 was in its guest ...", or the programs' threads if there is no vCPU; "" if unknown."""
    try:
        with open(ram, "rb") as file:
            memory = Memory(file, elf, out)
            found = list(_vcpus(memory)) or list(_threads(memory))
    except (OSError, KeyError, ValueError, OverflowError, struct.error):
        return ""
    more = len(found) - SHOWN
    return "".join("; " + text for text in found[:SHOWN]) + ("; and %d more" % more if more > 0 else "")
