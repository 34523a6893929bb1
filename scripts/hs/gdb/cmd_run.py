# SPDX-License-Identifier: MIT
"""cmd_run - the commands hs until, hs until-exit, hs until-entry and hs break-guest."""
import os
import re

import gdb

from hs import elf, names
from . import place, vm
from .command import command, nothing
from .target import Problem, address, image_is_there, is_virtual, kernel_symbols, need_machine, register, vmm_address

quiet = False  # True while a command stops the machine for its own purposes: cmd_switch ignores such stops


def _ready():
    need_machine()
    address("vcpu_switch")
    if not image_is_there():
        raise Problem("this machine's RAM does not contain this build of hyperscope")


def _continue():
    """Continue, and return False if the machine has ended."""
    try:
        gdb.execute("continue", to_string=True)
    except gdb.error as error:
        if not re.search("closed|isconnected|not being run|Broken pipe", str(error)):
            raise
        return False
    return gdb.selected_thread() is not None and gdb.selected_thread().is_valid()


def run_to(places, condition=None):
    """Continue to one of these addresses. Return True if it was reached, False if another breakpoint came first.
    Problem if the machine has ended."""
    points = []
    try:
        for at in places:
            point = gdb.Breakpoint("*0x%x" % at, gdb.BP_HARDWARE_BREAKPOINT, internal=True)
            point.silent = True
            if condition:
                point.condition = condition
            points.append(point)
        alive = _continue()
    finally:
        for point in points:
            if point.is_valid():
                point.delete()
    if not alive:
        raise Problem("the machine ended first")
    return register("pc") in places


def tell(there):
    if not there:
        print("stopped before that:")
    for line in place.describe():
        print(line)


@command("until-exit")
def until_exit(argument):
    """Run until a guest exits: to the first instruction after its trap, where all general-purpose
    registers still have the guest's values.

    usage: hs until-exit          stop at any exit
           hs until-exit CAUSE    stop at an exit with this cause: a number (irq_N for interrupts) or a
                                  name: ecall_vs, store_guest_page_fault, irq_s_timer, ...
                                  (all are in src/include/hv/cause.def)"""
    condition = None
    if argument:
        try:
            condition = "$scause == 0x%xUL" % names.cause_number(argument)
        except ValueError:
            raise Problem("'%s' is not a trap cause; the causes are %s"
                          % (argument, " ".join(names.CAUSES.values()))) from None
    _ready()
    tell(run_to(vm.exit_vectors(), condition))


def _places(text):
    """Return the list of a place's addresses, and the condition for stopping there (None if there is none)."""
    if re.fullmatch(r"step [1-6]", text):
        found = place.address_of_step(int(text[5:]))
        if found is None:
            raise Problem("src/kvm/exit/switch.S has no %s, or there is no debug information" % text)
        return [found], None
    if text in kernel_symbols():
        return [address(text)], None
    if text.startswith("vmm:"):
        return [vmm_address(text[4:])], "$priv == 0"
    return [_guest_address(text)], "$priv >= 4"


@command("until")
def until(argument):
    """Run until a place is reached, in the host, the VMM or the guest.

    usage: hs until SYMBOL        symbol of the host (also a label in assembly), else of the guest's ELF file
           hs until ADDRESS       address in the guest
           hs until vmm:SYMBOL    symbol of the VMM's ELF file, in U mode
           hs until step N        first instruction of step N of the world switch (src/kvm/exit/switch.S)"""
    if not argument:
        raise Problem("name a function, as in: hs until exit_sbi")
    _ready()
    tell(run_to(*_places(argument)))


@command("until-entry")
def until_entry(argument):
    """Run until a guest is entered: to its first instruction after the host's sret.

    usage: hs until-entry

    If the guest traps at once (its first page may be missing), the machine stops after that trap."""
    global quiet
    nothing(argument, "until-entry")
    _ready()
    quiet = True
    try:
        there = run_to(place.entries())
    finally:
        quiet = False
    if there:
        gdb.execute("stepi", to_string=True)
        if not is_virtual():
            trapped = register("pc") in vm.exit_vectors()
            print("the guest's first instruction trapped at once:" if trapped else "that sret did not enter the guest:")
    tell(there)


def _guest_address(text):
    if text[:1].isdigit() or text[:1] in "*$":
        return vm.number(text.lstrip("*"), "address")
    path = os.environ.get("HS_GUEST_ELF")
    if not path:
        raise Problem("this guest's symbols are not known: give an address, or the guest's ELF file to "
                      "make gdb")
    try:
        symbols = elf.symbols(path)
    except (OSError, ValueError) as error:
        raise Problem("the guest's symbols cannot be read: %s" % error) from None
    if text not in symbols:
        raise Problem("the guest has no symbol '%s' (%s)" % (text, os.path.basename(path)))
    return symbols[text]


@command("break-guest")
def break_guest(argument):
    """Set a breakpoint that stops in the guest, but not at the same address in the host.

    usage: hs break-guest SYMBOL      symbol of the guest's ELF file
           hs break-guest ADDRESS     guest virtual address

    delete N removes it, like any breakpoint."""
    if not argument:
        raise Problem("name a function, as in: hs break-guest main")
    at = _guest_address(argument)
    point = gdb.Breakpoint("*0x%x" % at, gdb.BP_HARDWARE_BREAKPOINT)
    point.condition = "$priv >= 4"
    print("breakpoint %d in the guest, at 0x%x" % (point.number, at))
