# SPDX-License-Identifier: MIT
"""hung.py - find out what a machine's vCPUs or programs were doing when its time-out expired.

The host's lists of VMs and threads are read from the machine's memory, with the symbols in the host's ELF file and
the member offsets that the build generates. The machine may still be running, or its host may be from another build,
so any value may be invalid. If the lists cannot be read, nothing is reported. The current pc of a guest is read from
its hart's registers (monitor.py), because a guest may run for seconds without an exit.
"""
import collections
import functools
import os
import re
import struct
import subprocess
import time

from hs import names, tables
from hs.elf import symbols

LINEAR_BASE = 0xffffffc000000000   # linear map of physical memory in the host (src/host/platform/layout.h)
KERNEL_BASE = 0xffffffff80000000   # the host's image, which is loaded at IMAGE
RAM_BASE, IMAGE = 0x80000000, 0x80200000
MOST = 256          # maximum number of list entries or vCPUs to read, in case a list has a loop or a count is invalid
SHOWN = 8
STATES = ("running", "asleep", "asleep", "asleep", "ended")   # ORDER: enum thread_state
SSTATUS_SPP = HSTATUS_SPVP = 1 << 8
HSTATUS_SPV = 1 << 7
MSTATUS_MPP, MSTATUS_MPV = 3 << 11, 1 << 39
EXIT_NONE = 1 << 63                                           # TRACE_EXIT_NONE (src/include/hv/trace.h)
MUTEX_FLAGS = 7                                              # low bits of `holder` (src/host/sched/mutex.c)
QUICK = ("sbi", "csr", "wfi", "wrs")  # exits that the fast path may handle: the first word of their names
SAMPLES, PAUSE = 20, 0.01             # samples of each vCPU before the end, and the seconds between them
REPEATED = 20                         # fewer equal exits are not reported as repeated
ROW = "%-5s %-18s %-4s %-19s %s"


class Memory:
    def __init__(self, ram, elf, out):
        self.file = ram
        self.at = {}
        for name in ("kvm_offsets.h", "host_offsets.h"):
            with open(os.path.join(out, "gen", name), encoding="ascii") as header:
                self.at.update((name, int(value)) for name, value in re.findall(r"^#define (\w+) (\d+)$", header.read(), re.M))
        self.symbols = symbols(elf)

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

    def hartid(self, index):
        return self.member(self.get(self.symbols["harts"], "<Q") + index * self.at["HART_SIZE"], "HART_hartid", "<Q")

    def vcpus(self):
        for vm in self.each("vms", "KVM_link"):
            table, name = self.member(vm, "KVM_vcpus", "<Q"), self.member(vm, "KVM_id")
            for n in range(min(self.member(vm, "KVM_nr_vcpus"), MOST)):
                yield Vcpu(self, name, self.get(table + 8 * n, "<Q"))


@functools.lru_cache(maxsize=None)
def _class_titles():
    return [title for _, title, _ in tables.rows("src/include/hv/exit_class.def", "EXIT_CLASS")]


class Vcpu:
    def __init__(self, memory, vm, address):
        self.memory, self.address = memory, address
        self.name = "%d.%d" % (vm, self.get("VCPU_id"))
        self.samples: list = []
        self.columns: tuple = ()
        self.last = ""
        self.notes: list = []

    def get(self, name, form="<I"):
        return self.memory.member(self.address, name, form)

    def sample(self):
        """Store the pc, the kind and the number of the vCPU's exits."""
        self.samples.append((self.get("GUEST_sepc", "<Q"), self.last_exit(), self.get("VCPU_exits", "<Q")))

    def last_exit(self):
        """Return the last exit's name in the exit table, "" if it is unknown."""
        if self.get("VCPU_exit_start", "<Q") == EXIT_NONE:
            return ""
        slot = self.get("VCPU_exit_offset", "<Q") // self.memory.at["EXIT_TALLY"]
        irq, first_class = self.memory.at["SLOT_IRQ"], self.memory.at["SLOT_CLASS"]
        if slot < first_class:
            return names.cause_name(slot if slot < irq else names.IRQ | slot - irq)
        return _class_titles()[slot - first_class]

    def state(self):
        if self.get("VCPU_mode") != self.memory.at["MODE_OUTSIDE"]:
            return "in guest, hart %d" % self.get("VCPU_hart")
        if self.get("VCPU_hsm_stopped", "<B"):
            return "stopped (SBI HSM)"
        if self.get("VCPU_blocking") != self.memory.at["BLOCKING_AWAKE"]:
            return "asleep"
        if self.memory.member(self.address + self.memory.at["VCPU_mutex"], "MUTEX_holder", "<Q") & ~MUTEX_FLAGS:
            return "in the hypervisor"
        return "in user space" if self.get("VCPU_ran_once", "<B") else "has not run"

    def where(self, hart):
        """Return the guest's mode and pc. The mode is "-" if it is unknown, because the guest has run since its last exit."""
        pc, mode = self.get("GUEST_sepc", "<Q"), self.get("GUEST_sstatus", "<Q") & SSTATUS_SPP
        if hart.get("V"):
            return ("VS" if mode else "VU") if hart["pc"] == pc else "-", hart["pc"]
        if hart.get("mstatus", 0) & MSTATUS_MPV:     # the firmware handles a trap of the guest
            pc, mode = hart["mepc"], hart["mstatus"] & MSTATUS_MPP
        elif hart.get("hstatus", 0) & HSTATUS_SPV:   # the guest has just exited, or is about to be entered
            pc, mode = hart["sepc"], hart["hstatus"] & HSTATUS_SPVP
        return "VS" if mode else "VU", pc

    def describe(self, harts):
        """Set the columns of the vCPU's row and the notes, from memory and the harts' registers."""
        hart = {}
        if self.get("VCPU_mode") != self.memory.at["MODE_OUTSIDE"]:
            hart = harts.get(self.memory.hartid(self.get("VCPU_hart")), {})
        mode, pc = self.where(hart)
        self.columns = self.name, self.state(), mode, "0x%x" % pc
        self.last = self.last_exit() or ("" if self.get("VCPU_exits", "<Q") else "none")
        cause = hart.get("vscause", names.IRQ)
        if cause and not cause & names.IRQ:
            self.notes.append("last trap in the guest: %s at 0x%x" % (names.cause_name(cause), hart["vsepc"]))

    def repetition(self):
        """Return a note if the samples show that the vCPU takes the same exit again and again, else ""."""
        pcs, kinds = {sample[0] for sample in self.samples}, {sample[1] for sample in self.samples}
        exits = self.samples[-1][2] - self.samples[0][2]
        # The fast path, which handles exits of the kinds QUICK, does not store the pc.
        if exits < REPEATED or len(pcs) > 1 or any(not kind or kind.startswith(QUICK) for kind in kinds):
            return ""
        return "%d exits while it was watched for %g s, all at this pc in %d samples" % (exits, SAMPLES * PAUSE, SAMPLES)


def _threads(memory):
    for thread in memory.each("all_threads", "THREAD_link"):
        if memory.member(thread, "THREAD_process", "<Q"):
            name = memory.member(thread, "THREAD_name", "16s").split(b"\0")[0].decode(errors="replace")
            state = memory.member(thread, "THREAD_state")
            yield "thread %d (%s): %s" % (memory.member(thread, "THREAD_tid"), name,
                                          STATES[state] if state < len(STATES) else "no valid state")


class Exits:
    """The exits of one vCPU in a trace: the cause of the last exit, and the number of equal exceptions at the end.
    Interrupts of the host between these exceptions are ignored."""
    cause, count, fields, total = "", 0, "", 0

    def add(self, fields):
        self.cause = fields.partition("scause=")[2].partition(" ")[0]
        if not self.cause.startswith("irq_"):
            self.count = self.count + 1 if fields == self.fields else 1
            self.fields = fields
            self.total += 1

    def repetition(self):
        if self.count < REPEATED:
            return ""
        field = dict(word.partition("=")[::2] for word in self.fields.split())
        return "%s%d identical exits: %s at %s, stval %s" % (
            "at least " if self.count == self.total else "",  # older ones may be lost
            self.count, field.get("scause"), field.get("sepc"), field.get("stval"))


def _exits(hstrace, trace):
    """Return the exits in a trace for each vCPU, by its name. The file need not exist."""
    found = collections.defaultdict(Exits)
    if os.path.exists(trace):
        report = subprocess.run([hstrace, "report", "--events", "kvm_exit", "--columns", "vcpu,fields", trace],
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False).stdout.decode()
        for line in report.splitlines():
            vcpu, _, fields = line.strip().partition(" ")
            found[vcpu].add(fields)
    return found


class Report:
    """What the vCPUs or, if there are none, the programs' threads were doing."""

    def __init__(self, ram, elf, out, monitor):
        self.vcpus, self.threads = [], []
        try:
            with open(ram, "rb", buffering=0) as file:  # the machine changes the file
                self._read(Memory(file, elf, out), monitor)
        except (OSError, LookupError, ValueError, OverflowError, struct.error):
            pass

    def _read(self, memory, monitor):
        vcpus = list(memory.vcpus())
        for _ in range(SAMPLES if vcpus else 0):
            for vcpu in vcpus:
                vcpu.sample()
            time.sleep(PAUSE)
        harts = monitor.stop_and_read()
        for vcpu in vcpus:
            vcpu.describe(harts)
        self.vcpus = vcpus
        if not vcpus:
            self.threads = list(_threads(memory))

    def text(self, hstrace, trace):
        """Return the lines of the report, each after a newline. The trace need not exist."""
        rows, exits = list(self.threads), _exits(hstrace, trace)
        for vcpu in self.vcpus:
            seen = exits[vcpu.name]
            notes = vcpu.notes + [seen.repetition() or vcpu.repetition()]
            rows.append(ROW % (vcpu.columns + (vcpu.last or seen.cause or "unknown",)) +
                        "".join("\n      " + note for note in notes if note))
        head = [ROW % ("vCPU", "state", "mode", "pc", "last exit")] if self.vcpus else []
        more = ["and %d more" % (len(rows) - SHOWN)] if len(rows) > SHOWN else []
        return "".join("\n" + row for row in head + rows[:SHOWN] + more)
