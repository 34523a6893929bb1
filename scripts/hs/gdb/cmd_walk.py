# SPDX-License-Identifier: MIT
"""cmd_walk - the commands hs gstage and hs vstage."""
from . import vm, walk
from .command import command
from .target import read_pte


def _find(hgatp):
    return lambda gpa: walk.walk("G", hgatp, gpa, read_pte)


def _slot(one, gpa):
    slot = vm.slot_of(one, gpa)
    if slot is None:
        return "no memslot has GPA 0x%x: an access there is MMIO" % gpa
    hva = int(slot["hva"]) + gpa - (int(slot["base"]) << 12)
    return "memslot %d has GPA 0x%x, in the VMM at 0x%x" % (int(slot["id"]), gpa, hva)


def _ask(argument, what):
    vcpu = vm.choose_vcpu("")
    address = vm.number(argument, what)
    return vcpu, vm.owner(vcpu), vm.csrs(vcpu), address


def _show_gstage(vcpu, one, hgatp, gpa):
    """Print the translation of an address. If the hart uses a shadow table, the address is one of L2: print the walks
    of the three tables that translate it."""
    own = int(one.value["gstage"]["hgatp"])
    if walk.root_of(hgatp) == walk.root_of(own):
        print("\n".join(walk.show(walk.walk("G", hgatp, gpa, read_pte)) + [_slot(one, gpa)]))
        return
    print("\n".join(["L2, the shadow table:"] + walk.show(walk.walk("G", hgatp, gpa, read_pte))))
    first = walk.walk("G", int(vcpu.value["nested"]["hgatp"]), gpa, read_pte, _find(own))
    print("\n".join(["L2, the table of L1, each of whose entries is found by the VM's own table:"] + walk.show(first)))
    if first.result is not None:
        print("\n".join(["L1, the VM's own table:"] + walk.show(_find(own)(first.result)) + [_slot(one, first.result)]))


@command("gstage")
def gstage(argument):
    """Walk the G-stage from a guest physical address to a host physical one, with a line for each entry.

    usage: hs gstage GPA          a number or an expression, as in: hs gstage $htval << 2

    The table is that of the VM whose vCPU is loaded in this hart, else of the first VM. While this vCPU's
    guest is a hypervisor (L1) whose own guest (L2) runs, the address is one of L2, and three walks are
    shown: of the shadow table, of L1's table, and of the VM's own table for the address that L1's gives."""
    vcpu, one, csrs, gpa = _ask(argument, "guest physical address")
    _show_gstage(vcpu, one, csrs["hgatp"], gpa)


@command("vstage")
def vstage(argument):
    """Walk both stages: from a guest virtual address to a guest physical one through the guest's page
    table, and from there to a host physical one, as hs gstage does. Each entry of the guest's table is itself
    found through the G-stage; these walks are shown before the entry, indented.

    usage: hs vstage GVA          a number or an expression, as in: hs vstage $pc

    The tables are those of the vCPU that is loaded in this hart, else of the first."""
    vcpu, one, csrs, gva = _ask(argument, "guest virtual address")
    first = walk.walk("VS", csrs["vsatp"], gva, read_pte, _find(csrs["hgatp"]))
    for line in walk.show(first):
        print(line)
    if first.error is None:
        _show_gstage(vcpu, one, csrs["hgatp"], first.result)
