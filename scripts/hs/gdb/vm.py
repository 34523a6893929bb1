# SPDX-License-Identifier: MIT
"""vm - find VMs and vCPUs, and read a vCPU's registers from its hart or from memory."""
import collections

import gdb

from . import snapshot
from .target import MASK, Problem, address, ctype, hart, image_is_there, is_virtual, load, need_machine, on_hart, read_kernel, register

H_CSRS = "hstatus hedeleg hideleg hvip hie hcounteren htval htinst hgatp henvcfg htimedelta".split()
VCPU_CSRS = "vsstatus vsie vstvec vsscratch vsepc vscause vstval vsatp".split()
Vcpu = collections.namedtuple("Vcpu", "vm va value index id loaded hart")
Vm = collections.namedtuple("Vm", "va value id vcpus")


def field(type_, name):
    """Return the offset of a member in its structure, in bytes."""
    return next(f.bitpos // 8 for f in type_.fields() if f.name == name)


def hartid(index):
    type_ = ctype("struct hart", "smp_start_all")
    harts = int(load(type_.pointer(), address("harts")))
    return int(load(type_, harts + int(index) * type_.sizeof)["hartid"])


def _vcpu(vm_id, va):
    value = load(ctype("struct kvm_vcpu"), va)
    loaded = bool(value["loaded"])
    return Vcpu(vm_id, va, value, int(value["idx"]), int(value["id"]), loaded,
                hartid(value["hart"]) if loaded else None)


def exit_vectors():
    """Return the addresses where a guest's traps arrive. There, the general-purpose registers still have the guest's
    values."""
    return [address("vcpu_exit_vector"), address("vcpu_exit_fast"), address("vcpu_exit_nested")]


def vms():
    """Return all VMs that have a descriptor. Raise Problem if the host has not booted or has no VM."""
    need_machine()
    if not image_is_there():
        raise Problem("this machine's RAM does not contain this build of hyperscope")
    type_ = ctype("struct kvm")
    head = address("vms")
    found, at = [], int.from_bytes(read_kernel(head, 8), "little")
    while at not in (head, 0) and len(found) < 4096:
        va = at - field(type_, "link")
        value = load(type_, va)
        number = int(value["nr_vcpus"])
        pointers = read_kernel(int(value["vcpus"]), 8 * number) if number else b""
        vcpus = [_vcpu(int(value["id"]), int.from_bytes(pointers[8 * i:8 * i + 8], "little"))
                 for i in range(number)]
        found.append(Vm(va, value, int(value["id"]), vcpus))
        at = int.from_bytes(read_kernel(at, 8), "little")
    if not found:
        raise Problem("there is no VM yet: hs until-entry continues to the first entry into a guest")
    return found


def choose_vms(text):
    """Return the VM with the number TEXT, in a list; '' stands for all VMs."""
    if text and not text.isdecimal():
        raise Problem("'%s' is not a VM: give the number that hs vms shows" % text)
    some = [vm for vm in vms() if not text or vm.id == int(text)]
    if not some:
        raise Problem("there is no VM %s; hs vms shows the VMs" % text)
    return some


def current_vcpu():
    """Return the vCPU that is loaded on the selected hart, or None."""
    here = hart()
    return next((c for vm in vms() for c in vm.vcpus if c.loaded and c.hart == here), None)


def choose_vcpu(text):
    """Return the vCPU that 'N' or 'VM.N' names. '' stands for the selected hart's vCPU or, if that hart has none, for
    the first vCPU."""
    all_ = vms()
    if not text:
        here = current_vcpu()
        if here:
            return here
        choice = [c for vm in all_ for c in vm.vcpus]
        if not choice:
            raise Problem("VM %d has no vCPU yet" % all_[0].id)
        return choice[0]
    vm_text, _, number = text.rpartition(".")
    if not number.isdecimal() or vm_text and not vm_text.isdecimal():
        raise Problem("'%s' is not a vCPU: give its number, or VM.NUMBER, as hs vms shows them" % text)
    for vm in all_:
        for vcpu in vm.vcpus:
            if vcpu.index == int(number) and (not vm_text or vm.id == int(vm_text)):
                return vcpu
    raise Problem("there is no vCPU %s; hs vms shows the vCPUs" % text)


def level(vcpu):
    """Return what runs on the vCPU, "L1" or "L2" (a guest of L1), or "" if the vCPU does not have the H extension."""
    if not vcpu.value["has_h"]:
        return ""
    return "L2" if vcpu.value["nested"]["v"] else "L1"


def nested_csrs(vcpu):
    """Return (heading, CSRs as name -> value) for what a vCPU with the H extension has in memory only: those of the
    other level than csrs() returns, and L1's H CSRs."""
    nested = vcpu.value["nested"]
    if vcpu.loaded and nested["v"]:
        yield "S CSRs of L1, in memory", {n[1:]: int(vcpu.value["csrs"][n]) & MASK for n in VCPU_CSRS}
    else:
        # nested has no vsie: hie contains its bits.
        yield "VS CSRs of L1, in memory", {n: int(nested[n]) & MASK for n in VCPU_CSRS if n != "vsie"}
    yield "H CSRs of L1, in memory", {n: int(nested[n]) & MASK for n in H_CSRS}


def owner(vcpu):
    return next(vm for vm in vms() if vm.id == vcpu.vm)


def csrs(vcpu):
    """Return the vCPU's CSRs as name -> value: from the hart if the vCPU is loaded there, else from memory. hedeleg,
    hcounteren and henvcfg always come from memory."""
    if not vcpu.loaded:
        saved = vcpu.value["csrs"]
        state = {n: int(saved[n]) & MASK for n in VCPU_CSRS + ["hvip", "scounteren", "senvcfg"]}
        state["hgatp"] = int(owner(vcpu).value["gstage"]["hgatp"]) & MASK
    else:
        with on_hart(vcpu.hart):
            twin = is_virtual()
            state = {n: register(n[1:] if twin else n) for n in VCPU_CSRS}
            for name in ("hvip", "scounteren", "senvcfg", "hgatp"):
                state[name] = register(name)
        if vcpu.value["put_pending"]:  # the hart's scounteren and senvcfg are the host program's (lazy_put.c)
            for name in ("scounteren", "senvcfg"):
                state[name] = int(vcpu.value["csrs"][name]) & MASK
    for name in ("hedeleg", "hcounteren", "henvcfg"):
        state[name] = int(vcpu.value[name]) & MASK
    return state


def gprs(vcpu):
    """Return where the vCPU's registers are, in words, and a dict of their values by name, with pc and hstatus."""
    if vcpu.loaded:
        with on_hart(vcpu.hart):
            trapped = register("pc") in exit_vectors()
            if is_virtual() or trapped:
                state = {n: register(n) for n in ["pc"] + snapshot.GPRS}
                state["hstatus"] = register("hstatus")
                if trapped:
                    state["pc"] = register("sepc")
                what = "as the trap left them" if trapped else "which runs it"
                return "in hart %d, %s" % (vcpu.hart, what), state
    guest = vcpu.value["guest"]
    state = {"pc": int(guest["sepc"]) & MASK}
    for i, name in enumerate(snapshot.GPRS):
        state[name] = int(guest["gpr"][i]) & MASK if i else 0
    state["hstatus"] = int(guest["hstatus"]) & MASK
    return "in memory, as of its last exit", state


def memslots(vm):
    """Return the current memory map: values of struct memslot, in ascending order of base."""
    pointer = int(vm.value["slots"]) & MASK
    if not pointer:
        return []
    type_ = ctype("struct memslots", "memslot_vm_init")
    chunk_type = ctype("struct memslot_chunk", "memslot_vm_init")
    number = int(load(type_, pointer)["nr"])
    chunks = read_kernel(pointer + field(type_, "chunk"), 8 * number) if number else b""
    slots = []
    for i in range(number):
        chunk = load(chunk_type, int.from_bytes(chunks[8 * i:8 * i + 8], "little"))
        slots += [chunk["slot"][j] for j in range(int(chunk["nr"]))]
    return slots


def slot_of(vm, gpa):
    for slot in memslots(vm):
        if int(slot["base"]) <= gpa >> 12 < int(slot["base"]) + int(slot["npages"]):
            return slot
    return None


def number(text, what):
    """Return the value of the user's TEXT, a number or any gdb expression. WHAT names it in error messages."""
    if not text:
        raise Problem("give the %s as a number or as an expression such as $pc" % what)
    try:
        return int(gdb.parse_and_eval("(unsigned long)(%s)" % text)) & MASK
    except (gdb.error, gdb.MemoryError) as error:
        raise Problem("'%s' is not a %s: %s" % (text, what, error)) from None
