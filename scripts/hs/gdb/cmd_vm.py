# SPDX-License-Identifier: MIT
"""cmd_vm - the commands hs vms, hs vcpu and hs memslots."""
from . import csr, snapshot, vm
from .command import command, nothing

FLAGS = {1: "log", 2: "read-only"}


def in_level(vcpu):
    level = vm.level(vcpu)
    return ", in " + level if level else ""


def show(values):
    """Print CSRs (name -> value, None if the value is not known)."""
    for name, value in values.items():
        if value is not None:
            print(("  %-10s 0x%016x  %s" % (name, value, csr.brief(name, value))).rstrip())


@command("vms")
def vms(argument):
    """List the VMs and their vCPUs: where each vCPU is loaded, its pc, and its number of exits.

    usage: hs vms"""
    nothing(argument, "vms")
    for one in vm.vms():
        gstage = one.value["gstage"]
        print("VM %d: %d vCPUs, %d memslots, G-stage root 0x%x (%d levels, %d tables)" % (
            one.id, len(one.vcpus), len(vm.memslots(one)), int(gstage["root"]), int(gstage["levels"]),
            int(gstage["tables"])))
        for vcpu in one.vcpus:
            place = "loaded in hart %d" % vcpu.hart if vcpu.loaded else "not loaded"
            print("  vCPU %d.%d: %s%s, pc 0x%x, %d exits" % (
                one.id, vcpu.index, place, in_level(vcpu), vm.gprs(vcpu)[1]["pc"], int(vcpu.value["stats"]["exits"])))


@command("vcpu")
def vcpu(argument):
    """Show a vCPU's registers, from its hart or from memory.

    usage: hs vcpu [N | VM.N]     default: the vCPU loaded in this hart, else the first

    CSRs are shown with their fields that are not 0; hs csr NAME explains them. If the vCPU has the H extension, L1 is
    the guest and L2 a guest of it. The CSRs of the level that does not run, and L1's H CSRs, are shown, too."""
    one = vm.choose_vcpu(argument)
    where, state = vm.gprs(one)
    print("vCPU %d.%d, %s%s" % (one.vm, one.index,
                                "loaded in hart %d" % one.hart if one.loaded else "not loaded", in_level(one)))
    print("registers %s:" % where)
    names = ["pc"] + snapshot.GPRS[1:]
    for i in range(0, len(names), 4):
        print("  " + " ".join("%-4s%016x" % (n, state[n]) for n in names[i:i + 4]))
    print("CSRs %s:" % ("in hart %d" % one.hart if one.loaded else "in memory"))
    values = vm.csrs(one)
    values["hstatus"] = state["hstatus"]
    show(values)
    if vm.level(one):
        for heading, values in vm.nested_csrs(one):
            print(heading + ":")
            show(values)


@command("memslots")
def memslots(argument):
    """List a VM's memory slots: guest physical addresses, and their addresses in the VMM.

    usage: hs memslots [VM]      default: all VMs"""
    for one in vm.choose_vms(argument):
        slots = vm.memslots(one)
        print("VM %d: %d memslots" % (one.id, len(slots)))
        for slot in slots:
            base, size = int(slot["base"]) << 12, int(slot["npages"]) << 12
            flags = [word for bit, word in FLAGS.items() if int(slot["flags"]) & bit]
            print(("  slot %d: GPA 0x%x to 0x%x (%d KiB), in the VMM at 0x%x  %s" % (
                int(slot["id"]), base, base + size - 1, size >> 10, int(slot["hva"]),
                " ".join(flags))).rstrip())
