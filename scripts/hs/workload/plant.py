# SPDX-License-Identifier: MIT
"""plant.py - faults of a hart, planted into a running workload through QEMU's gdb stub.

A fault changes registers at one of the places below, just after or just before the hart does what the fault breaks.
Inside gdb, plant() sets the breakpoints. Outside, faults.py lists and judges the faults.
"""
from typing import Callable, NamedTuple

EXIT = "exit"      # the first instruction of the host's exit vectors, after each trap from the guest
HTINST = "htinst"  # after each instruction of the host that reads htinst: QEMU ignores a debugger's write of htinst
ENTRY = "entry"    # the srets that enter the guest
TRAP = "trap"      # the first instruction of the guest's trap handler
LOADED = "loaded"  # the return from the guest's function load64()
HSTATUS_GVA, HSTATUS_SPV, HSTATUS_SPVP, HSTATUS_VTW = 1 << 6, 1 << 7, 1 << 8, 1 << 21
SIE, SPIE, SPP, FS, SUM, MXR = 1 << 1, 1 << 5, 1 << 8, 3 << 13, 1 << 18, 1 << 19
FETCH, LOAD, STORE = 20, 21, 23
ACCESS = (LOAD, STORE)
FAULTS = (FETCH, LOAD, STORE)
PAGE_FAULTS = (12, 13, 15)


class Fault(NamedTuple):
    name: str
    source: str        # the paragraph that the hart violates
    place: str
    meaning: str
    change: Callable   # gets the registers, and changes them


def _flip(register, bits, causes=None):
    def change(regs):
        if causes is None or regs.scause in causes:
            setattr(regs, register, getattr(regs, register) ^ bits)
    return change


def _clear(register, bits):
    return lambda regs: setattr(regs, register, getattr(regs, register) & ~bits)


def _set(register, bits):
    return lambda regs: setattr(regs, register, getattr(regs, register) | bits)


def _assign(register, value, causes=None):
    def change(regs):
        if causes is None or regs.scause in causes:
            setattr(regs, register, value(getattr(regs, register)) if callable(value) else value)
    return change


def _change(register, value, when):
    def change(regs):
        if when(regs):
            setattr(regs, register, value(regs))
    return change


def _htinst(bits, causes=ACCESS):
    def change(regs):
        if regs.scause in causes and regs.htinst:
            regs.htinst ^= bits
    return change


def _cause(old, new):
    return _assign("scause", new, (old,))


def _stale(right, wrong):
    def change(regs):
        if regs.a0 == right:
            regs.a0 = wrong
    return change


def _all():
    yield Fault("htinst-rd", "H §6.3", HTINST, "htinst has another destination register", _htinst(1 << 7, (LOAD,)))
    yield Fault("htinst-rs2", "H §6.3", HTINST, "htinst has another source register", _htinst(1 << 20, (STORE,)))
    yield Fault("htinst-width", "H §6.3", HTINST, "htinst has another width", _htinst(1 << 12))
    yield Fault("htinst-sign", "H §6.3", HTINST, "htinst has lb instead of lbu", _htinst(1 << 14, (LOAD,)))
    yield Fault("htinst-opcode", "H §6.3", HTINST, "htinst has a store instead of a load", _htinst(1 << 5))
    yield Fault("htinst-size", "H §6.3", HTINST, "bit 1 of htinst is wrong for the instruction's size", _htinst(2))
    yield Fault("htinst-pseudo", "H §6.3", HTINST, "htinst has the pseudoinstruction of an implicit access",
                _assign("htinst", 0x3020, ACCESS))
    yield Fault("htval-page", "H §2.8", EXIT, "htval has another page", _flip("htval", 1 << 10, FAULTS))
    yield Fault("htval-shift", "H §2.8", EXIT, "htval is not shifted by two bits", _assign("htval", lambda v: v << 2, FAULTS))
    yield Fault("htval-offset", "H §2.8", EXIT, "htval lacks the offset in the page", _assign("htval", lambda v: v & ~0x3ff, ACCESS))
    yield Fault("stval-low", "H §2.8", EXIT, "stval lacks the two low bits", _assign("stval", lambda v: v & ~3, ACCESS))
    yield Fault("stval-gpa", "H §6.2", EXIT, "stval has the guest physical address",
                _change("stval", lambda r: (r.htval << 2) | (r.stval & 3), lambda r: r.scause in FAULTS))
    yield Fault("cause-store", "H §6.1", EXIT, "a store's guest-page fault has the cause of a load", _cause(STORE, LOAD))
    yield Fault("cause-load", "H §6.1", EXIT, "a load's guest-page fault has the cause of a store", _cause(LOAD, STORE))
    yield Fault("cause-fetch", "H §6.1", EXIT, "a fetch's guest-page fault has the cause of a load", _cause(FETCH, LOAD))
    yield Fault("cause-page-fault", "H §6.1", EXIT, "a guest-page fault has the cause of a page fault", _cause(LOAD, 13))
    yield Fault("cause-virtual", "H §6.1", EXIT, "a virtual instruction has the cause of an illegal one", _cause(22, 2))
    yield Fault("cause-ecall-hs", "H §6.1", EXIT, "an ecall from VS mode has the cause of one from HS mode", _cause(10, 9))
    yield Fault("cause-ecall-u", "H §6.1", EXIT, "an ecall from VS mode has the cause of one from U mode", _cause(10, 8))
    yield Fault("sepc-next", "H §6.2", EXIT, "sepc has the next instruction", _assign("sepc", lambda v: v + 4))
    yield Fault("sepc-half", "H §6.2", EXIT, "sepc is 2 bytes too high", _assign("sepc", lambda v: v + 2))
    yield Fault("exit-spv", "H §2.1", EXIT, "hstatus.SPV is 0 after a trap from VS mode", _clear("hstatus", HSTATUS_SPV))
    yield Fault("exit-spvp", "H §2.1", EXIT, "hstatus.SPVP is 0 after a trap from VS mode", _clear("hstatus", HSTATUS_SPVP))
    yield Fault("exit-gva", "H §2.1", EXIT, "hstatus.GVA is wrong", _flip("hstatus", HSTATUS_GVA))
    yield Fault("exit-spp", "H §6.2", EXIT, "sstatus.SPP is wrong after a trap from the guest", _flip("sstatus", SPP))
    yield Fault("exit-sie", "H §6.2", EXIT, "sstatus.SIE is not cleared by a trap", _set("sstatus", SIE))
    yield Fault("exit-vsstatus-fs", "M §1.6", EXIT, "vsstatus.FS does not become Dirty",
                _change("vsstatus", lambda r: (r.vsstatus & ~FS) | 1 << 13, lambda r: r.vsstatus & FS))
    yield Fault("exit-fp", "H §2.11", EXIT, "a trap changes an FP register", _assign("ft3", 0))
    for bit, name in ((3, "breakpoint"), (8, "ecall from VU mode"), (12, "instruction page fault"), (13, "load page fault"),
                      (15, "store page fault")):
        yield Fault("hedeleg-%d" % bit, "H §2.2", ENTRY, "hedeleg does not delegate: %s" % name, _clear("hedeleg", 1 << bit))
    yield Fault("hideleg-2", "H §2.2", ENTRY, "hideleg does not delegate VSSI", _clear("hideleg", 1 << 2))
    yield Fault("hideleg-6", "H §2.2", ENTRY, "hideleg does not delegate VSTI", _clear("hideleg", 1 << 6))
    yield Fault("hideleg-10", "H §2.2", ENTRY, "hideleg does not delegate VSEI", _clear("hideleg", 1 << 10))
    yield Fault("hvip-soft", "H §2.3", ENTRY, "hvip.VSSIP cannot be set", _clear("hvip", 1 << 2))
    yield Fault("hvip-timer", "H §2.3", ENTRY, "hvip.VSTIP cannot be set", _clear("hvip", 1 << 6))
    yield Fault("hvip-stuck", "H §2.3", ENTRY, "hvip.VSTIP cannot be cleared", _set("hvip", 1 << 6))
    yield Fault("hcounteren", "H §2.6", ENTRY, "hcounteren.TM is 0", _clear("hcounteren", 2))
    yield Fault("htimedelta", "H §2.7", ENTRY, "htimedelta is ignored", _assign("htimedelta", 0))
    yield Fault("vtw", "H §2.1", ENTRY, "hstatus.VTW is ignored", _clear("hstatus", HSTATUS_VTW))
    yield Fault("vsstatus-sum", "H §2.11", ENTRY, "vsstatus.SUM is always 1", _set("vsstatus", SUM))
    yield Fault("vsstatus-mxr", "H §2.11", ENTRY, "vsstatus.MXR is always 1", _set("vsstatus", MXR))
    yield Fault("vsstatus-fs", "H §2.11", ENTRY, "vsstatus.FS is never Off", _set("vsstatus", 1 << 13))
    yield Fault("vsstatus-sie", "H §2.11", ENTRY, "vsstatus.SIE is lost at the entry", _clear("vsstatus", SIE))
    yield Fault("vsatp", "H §2.18", ENTRY, "vsatp is lost at the entry", _assign("vsatp", 0))
    yield Fault("hgatp", "H §2.10", ENTRY, "hgatp is ignored", _assign("hgatp", 0))
    yield Fault("vstvec", "H §2.13", ENTRY, "vstvec is lost at the entry", _assign("vstvec", 0x80200000))
    yield Fault("vsscratch", "H §2.14", ENTRY, "vsscratch is lost at the entry", _assign("vsscratch", 0))
    yield Fault("vsepc", "H §2.15", ENTRY, "vsepc is lost at the entry", _assign("vsepc", 0x80200000))
    yield Fault("vscause", "H §2.16", ENTRY, "vscause is lost at the entry", _assign("vscause", 0))
    yield Fault("vstval", "H §2.17", ENTRY, "vstval is lost at the entry", _flip("vstval", 1 << 12))
    yield Fault("sret-epc", "H §6.4", ENTRY, "sret goes to the next instruction", _assign("sepc", lambda v: v + 4))
    yield Fault("sret-spp", "H §6.4", ENTRY, "sret enters VU mode instead of VS mode", _flip("sstatus", SPP))
    yield Fault("sret-spv", "H §6.4", ENTRY, "sret does not set V", _clear("hstatus", HSTATUS_SPV))
    yield Fault("trap-cause", "H §2.16", TRAP, "a delegated trap has another cause", _flip("scause", 2, PAGE_FAULTS))
    yield Fault("trap-irq", "H §2.12", TRAP, "an interrupt of VS mode has the number of HS mode's",
                _change("scause", lambda r: r.scause + 1, lambda r: r.scause >> 63))
    yield Fault("trap-epc", "H §2.15", TRAP, "vsepc of a delegated trap is 4 bytes too high", _assign("sepc", lambda v: v + 4))
    yield Fault("trap-tval", "H §2.17", TRAP, "vstval of a page fault is 0", _assign("stval", 0, PAGE_FAULTS))
    yield Fault("trap-tval-page", "H §2.17", TRAP, "vstval of a page fault has another page", _flip("stval", 1 << 12, PAGE_FAULTS))
    yield Fault("trap-spp", "H §2.11", TRAP, "vsstatus.SPP is wrong", _flip("sstatus", SPP))
    yield Fault("trap-spie", "H §2.11", TRAP, "vsstatus.SPIE is wrong", _flip("sstatus", SPIE))
    yield Fault("trap-sie", "H §2.11", TRAP, "vsstatus.SIE is not cleared", _set("sstatus", SIE))
    yield Fault("tlb-vs", "S §2.1", LOADED, "a load uses a VS-stage entry from before sfence.vma", _stale(2, 1))
    yield Fault("tlb-g", "H §5.2", LOADED, "a load from a fresh page gets another page's data", _stale(0, 0x5a5a))


ALL = tuple(_all())
CONTROL = Fault("none", "", EXIT, "no fault, to show that gdb alone changes nothing", lambda regs: regs.scause)
PLANTED = "the fault is planted"  # printed by gdb


def named(name):
    return next(fault for fault in ALL + (CONTROL,) if fault.name == name)


def plant(name, addresses):
    """Inside gdb, which is connected to the machine: plant the fault NAME. ADDRESSES: place -> address -> register (faults.py)."""
    import gdb

    class Registers:
        """The registers of the hart at the breakpoint, as attributes."""

        def __init__(self, htinst):
            self.__dict__["_htinst"] = "x%d" % htinst

        def _name(self, register):
            return self._htinst if register == "htinst" else register

        def __getattr__(self, register):
            return int(gdb.parse_and_eval("(unsigned long)$" + self._name(register)))

        def __setattr__(self, register, value):
            if register.startswith("f"):  # a union; the value is an integer, too
                gdb.execute("set $%s.double = %d" % (register, value))
            else:
                gdb.execute("set $%s = %#x" % (self._name(register), value & (1 << 64) - 1))

    class Place(gdb.Breakpoint):
        def __init__(self, address, register):
            super().__init__("*%#x" % address)
            self.__dict__["registers"] = Registers(register)

        def stop(self):
            fault.change(self.registers)
            return False

    fault = named(name)
    for address, register in addresses[fault.place].items():
        Place(address, register)
    print(PLANTED, flush=True)
