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


@command("gstage")
def gstage(argument):
    """Walk the G-stage from a guest physical address to a host physical one, with a line for each entry.

    usage: hs gstage GPA          a number or an expression, as in: hs gstage $htval << 2

    The table is that of the VM whose vCPU is loaded in this hart, else of the first VM."""
    _, one, csrs, gpa = _ask(argument, "guest physical address")
    for line in walk.show(walk.walk("G", csrs["hgatp"], gpa, read_pte)):
        print(line)
    print(_slot(one, gpa))


@command("vstage")
def vstage(argument):
    """Walk both stages: from a guest virtual address to a guest physical one through the guest's page
    table, and from there to a host physical one. Each entry of the guest's table is itself found
    through the G-stage; these walks are shown before the entry, indented.

    usage: hs vstage GVA          a number or an expression, as in: hs vstage $pc

    The tables are those of the vCPU that is loaded in this hart, else of the first."""
    _, one, csrs, gva = _ask(argument, "guest virtual address")
    find = _find(csrs["hgatp"])
    first = walk.walk("VS", csrs["vsatp"], gva, read_pte, find)
    for line in walk.show(first):
        print(line)
    if first.error is None:
        for line in walk.show(find(first.result)):
            print(line)
        print(_slot(one, first.result))
