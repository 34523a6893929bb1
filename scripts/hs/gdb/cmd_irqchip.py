# SPDX-License-Identifier: MIT
"""cmd_irqchip - the commands hs irqchip and hs device-store."""
import gdb

from . import csr, irqchip, vm, walk
from .command import command
from .target import (Problem, address, ctype, device_store, load, need_machine, on_hart, read_physical, read_pte, register,
                     vmm_address)

MODES = {0: "aia_emul", 1: "aia_hwaccel", 2: "mode auto"}  # KVM_DEV_RISCV_AIA_MODE_*
IN_MEMORY = (1 << 32) - 1  # IMSIC_IN_MEMORY
DELIVERY, DIRECT = 7, 1  # AIA_DELIVERY, KVM_DEV_HS_AIA_DELIVERY_DIRECT


def _array(value):
    first, last = value.type.range()
    return [int(value[i]) for i in range(first, last + 1)]


def _bits(value):
    return irqchip.numbers(_array(value), value.type.target().sizeof * 8)


def _name(vcpu):
    return "%d.%d" % (vcpu.vm, vcpu.index)


# -- a PLIC ------------------------------------------------------------------------------------

def _plic_in_kernel(one):
    value = load(ctype("struct plic", "plic_create"), int(one.value["plic"]))
    type_ = ctype("struct plic_context", "plic_create")
    contexts = []
    for vcpu in one.vcpus:
        at = int(load(type_.pointer(), int(value["context"]) + 8 * vcpu.id))
        if not at:
            continue
        context = load(type_, at)
        contexts.append(irqchip.Context(_name(vcpu), int(context["threshold"]), bool(context["raised"]),
                                        _bits(context["enable"])))
    print("VM %d: PLIC in the kernel (kernel_plic), GPA 0x%x, %d sources" % (
        one.id, int(value["base"]), int(value["sources"])))
    return irqchip.plic_lines(irqchip.Plic(
        int(value["sources"]), _bits(value["level"]), _bits(value["edge"]), _bits(value["pending"]),
        _bits(value["service"]), _array(value["priority"]), contexts))


def _read_user(one, va, size, absent=None):
    """Read memory of the VM's process. A byte that is not mapped reads as `absent`; if that is None, raise Problem."""
    mm = load(ctype("struct mm", "mm_create"), int(one.value["mm"]))
    satp, data = 8 << 60 | int(mm["root"]) >> 12, b""
    while len(data) < size:
        at = va + len(data)
        found = walk.walk("VS", satp, at, read_pte)
        wanted = min(size - len(data), 4096 - at % 4096)
        part = read_physical(found.result, wanted) if not found.error else None
        if found.error and absent is not None:
            part = absent * wanted
        if part is None:
            raise Problem("the VMM's memory at 0x%x cannot be read: it is not mapped" % at)
        data += part
    return data


def _vmm_machine(one):
    """Return the VMM's struct machine; None if the VM's process does not look like the VMM."""
    block = gdb.block_for_pc(vmm_address("machine_create"))
    type_ = gdb.lookup_type("struct machine", block)
    try:
        at = int.from_bytes(_read_user(one, vmm_address("signaled"), 8), "little")
        # A page of the structure that the VMM has not used yet is not mapped.
        value = gdb.Value(_read_user(one, at, type_.sizeof, b"\0"), type_)
    except Problem:
        return None
    return value if at and int(value["plic"]["machine"]) == at else None


def _plic_in_vmm(one):
    machine = _vmm_machine(one)
    if machine is None:
        print("VM %d: no interrupt controller in the kernel, and its process is not hyperscope's VMM, or "
              "has not started the machine yet" % one.id)
        return []
    value = machine["plic"]
    contexts = [irqchip.Context(_name(vcpu), int(context["threshold"]), bool(context["raised"]),
                                irqchip.numbers([int(context["enable"])], 32))
                for vcpu in one.vcpus for context in [value["context"][vcpu.id]]]
    priority = _array(value["priority"])
    level, pending, service = (irqchip.numbers([int(value[name])], 32) for name in ("level", "pending", "in_service"))
    print("VM %d: PLIC in the VMM (user_plic), %d sources" % (one.id, len(priority) - 1))
    return irqchip.plic_lines(irqchip.Plic(len(priority) - 1, level, set(), pending, service, priority, contexts))


# -- the AIA -----------------------------------------------------------------------------------

def _imsics(one, value):
    """Return the IMSICs as a list of (vCPU, struct imsic)."""
    type_ = ctype("struct imsic", "imsic_create")
    return [(vcpu, load(type_, int(value["imsic"][vcpu.index])))
            for vcpu in one.vcpus if int(value["imsic"][vcpu.index])]


def _file_lines(vcpu, imsic):
    """The registers of a guest file cannot be read (docs/gdb.md, Limits), but hgeip can."""
    head = "vCPU %s: IMSIC at GPA 0x%x, " % (_name(vcpu), int(imsic["page"]) << 12)
    if int(imsic["file_hart"]) != IN_MEMORY:
        with on_hart(vm.hartid(imsic["file_hart"])):
            number = _guest_file()
            ready = (register("hgeip") or 0) >> number & 1
        return [head + "in guest file %d of hart %d, page %smapped, %s" % (
            number, vm.hartid(imsic["file_hart"]), "" if imsic["mapped"] else "not ",
            "an interrupt is to be delivered" if ready else "no interrupt is to be delivered")]
    file = imsic["file"]
    return [head + "in memory, external interrupt %s" % ("raised" if imsic["raised"] else "low"),
            "  delivery %d, threshold %d, pending %s, enabled %s" % (
                int(file["delivery"]), int(file["threshold"]), irqchip.listed(_bits(file["pending"])),
                irqchip.listed(_bits(file["enabled"])))]


def _guest_file():
    """Return the number of the guest file that the selected hart has selected."""
    row = next(f for f in csr.TABLES["hstatus"] if f.name == "VGEIN")
    return csr.value_of(row, register("hstatus") or 0)


def _idcs(one, aplic, at):
    """Return the IDCs of the struct aplic at this address; with MSI delivery, there are none."""
    type_ = ctype("struct aplic_idc", "aplic_create")
    idcs = [(vcpu, load(type_, at + aplic.type.sizeof + vcpu.index * type_.sizeof))
            for vcpu in one.vcpus if vcpu.index < int(aplic["nr_idcs"])]
    return [irqchip.Idc(_name(vcpu), int(idc["delivery"]), bool(idc["force"]), int(idc["threshold"]),
                        int(idc["top"]), bool(idc["raised"])) for vcpu, idc in idcs]


def _aia(one):
    value = load(ctype("struct aia", "aia_create"), int(one.value["aia"]))
    config, imsics = _array(value["config"]), _imsics(one, value)
    by_page = {int(imsic["page"]): _name(vcpu) for vcpu, imsic in reversed(imsics)}
    direct = config[DELIVERY] == DIRECT
    head = "VM %d: AIA in the kernel (%s)" % (one.id, "aia_direct" if direct else MODES.get(config[0], "unknown mode"))
    lines = []
    if int(value["aplic"]):
        aplic = load(ctype("struct aplic", "aplic_create"), int(value["aplic"]))
        idcs = _idcs(one, aplic, int(value["aplic"]))
        head += ", APLIC at GPA 0x%x, %d sources, IE=%d%s" % (
            int(value["aplic_addr"]), int(aplic["nr_sources"]), int(aplic["enabled"]), ", DM=0" if direct else "")
        lines = irqchip.aplic_lines(
            irqchip.Aplic(int(aplic["nr_sources"]), _bits(aplic["input"]), _bits(aplic["pending"]),
                          _bits(aplic["enable"]), _array(aplic["mode"]), _array(aplic["target"])),
            irqchip.direct_to(idcs) if direct else irqchip.msi_to(
                lambda target: by_page.get(irqchip.page_of(target, config, int(value["base_page"])))))
        lines += irqchip.idc_lines(idcs)
    print(head)
    for vcpu, imsic in imsics:
        lines += _file_lines(vcpu, imsic)
    return lines


def _harts(all_):
    """Print a line for each hart that has guest files: their number, and the vCPU that has one."""
    owner = {}
    for one in all_:
        if one.value["irqchip_ready"] and int(one.value["aia"]):
            value = load(ctype("struct aia", "aia_create"), int(one.value["aia"]))
            owner.update({int(imsic["file_hart"]): _name(vcpu) for vcpu, imsic in _imsics(one, value)})
    counts = load(ctype("unsigned int").array(int(load(ctype("unsigned int"), address("nr_harts"))) - 1),
                  address("guest_files"))
    for index, count in enumerate(_array(counts)):
        if count:
            with on_hart(vm.hartid(index)):
                used = "file %d: vCPU %s" % (_guest_file(), owner[index]) if index in owner else "none in use"
            print("hart %d: %d guest files, %s" % (vm.hartid(index), count, used))


@command("irqchip")
def show(argument):
    """Show a VM's interrupt controller: its sources in use, each vCPU's part, and the harts' guest files.

    usage: hs irqchip [VM]      default: all VMs

    The controller is in the VMM or in the kernel (docs/toggles.md, irqchip)."""
    for one in vm.choose_vms(argument):
        if not int(one.value["irqchip"]):
            lines = _plic_in_vmm(one)
        elif not one.value["irqchip_ready"]:
            lines = []
            print("VM %d: an interrupt controller in the kernel, not initialized yet" % one.id)
        else:
            lines = _plic_in_kernel(one) if int(one.value["plic"]) else _aia(one)
        for line in lines:
            print("  " + line)
    _harts(vm.vms())


@command("device-store")
def store(argument):
    """Store 32 bits at a physical address, as a device does: for example, an MSI to an interrupt file.

    usage: hs device-store ADDRESS VALUE      two numbers, or expressions without spaces"""
    need_machine()
    words = argument.split()
    if len(words) != 2:
        raise Problem("give an address and a value, as in: hs device-store 0x28001000 9")
    at, value = vm.number(words[0], "physical address"), vm.number(words[1], "value")
    if at % 4 or at >> 56:
        raise Problem("0x%x is not a physical address that is a multiple of 4" % at)
    if value >> 32:
        raise Problem("0x%x has more than 32 bits" % value)
    device_store(at, value)
