# SPDX-License-Identifier: MIT
"""meaning - read the fields of a tour, and find names for numbers: a symbol, the vCPU, the G-stage root."""
import os
import re

import gdb
from hs import elf, names
from . import csr, place, snapshot, vm
from .target import (KERNEL_BASE, KSTACK_BASE, LINEAR_BASE, LINEAR_SIZE, MASK, Problem, address, ctype, is_virtual,
                     kernel_symbols, load, register, world)


# -- named objects and symbols -----------------------------------------------------------------

def _vcpu():
    """Return this hart's vCPU, or the first one if this hart has none; None if there is no vCPU yet."""
    try:
        return vm.current_vcpu() or vm.choose_vcpu("")
    except Problem:
        return None


def named_objects():
    """Return name -> address of the objects that a tour may name."""
    found = {}
    one = _vcpu()
    if one is None:
        return found
    found["the vCPU"] = one.va
    owner = vm.owner(one)
    found["the VM"] = owner.va
    root = int(owner.value["gstage"]["root"])
    if root:
        found["the VM's root"] = root
    return found


def symbol(value):
    """Return (name, offset) of the symbol at an address in the host, the guest or the VMM, or None."""
    if value < 1 << 16 or value < 1 << 31 and world() != "U":
        return None  # the VMM's symbols are below 2 GiB: outside U mode, ordinary small numbers would match them
    text = gdb.execute("info symbol 0x%x" % value, to_string=True).strip()
    found = re.match(r"([\w.$]+)(?: \+ (\d+))? in section", text)
    if not found or int(found.group(2) or 0) > 1 << 20:
        return None
    return found.group(1), int(found.group(2) or 0)


def describe(value, rough=False):
    """Return the name of an address, or ''. rough: without offsets, which differ between builds."""
    if not isinstance(value, int) or value < 1 << 16:
        return ""
    for name, at in named_objects().items():
        if value == at:
            return name
        size = {"the vCPU": "struct kvm_vcpu", "the VM": "struct kvm"}.get(name)
        if size and at < value < at + ctype(size).sizeof:
            return "in " + name[4:] if rough else "%s + %d" % (name, value - at)
    known = symbol(value)
    if known is None:
        return ""
    name, offset = known
    return name if not offset else "%s+..." % name if rough else "%s+%d" % (name, offset)


def region(value):
    """Return the kind of memory to which an unnamed address belongs, or ''."""
    if KERNEL_BASE <= value <= MASK - 4096:
        return "host image"
    if LINEAR_BASE <= value < LINEAR_BASE + LINEAR_SIZE or KSTACK_BASE <= value < KERNEL_BASE:
        return "host"
    if 1 << 37 <= value < 1 << 38:
        return "user"
    return ""


# -- fields ------------------------------------------------------------------------------------

HEADS = ("vcpu", "vm", "guest", "host")


def _member(value, path):
    for name, index in re.findall(r"([A-Za-z_]\w*)|\[(\d+)\]", path):
        value = value[int(index)] if index else value[name]
    return value


def _number(value):
    return int(value.cast(gdb.lookup_type("unsigned long"))) & MASK


def _place(head, path):
    """Return a member's (address, type), or None if there is no vCPU yet. Raise Problem if no such member exists."""
    one = _vcpu()
    if one is None:
        return None
    if head == "guest" and path in snapshot.GPRS:
        path = "gpr[%d]" % snapshot.GPRS.index(path)
    elif head == "host":
        path = re.sub(r"^s(\d+)$", r"s[\1]", path)
    name, base = ("struct kvm", vm.owner(one).va) if head == "vm" else ("struct kvm_vcpu", one.va)
    whole = gdb.Value(base).cast(ctype(name).pointer()).dereference()
    try:
        member = _member(whole[head] if head in ("guest", "host") else whole, path)
    except (gdb.error, KeyError):
        raise Problem("%s has no member '%s'" % (name, path)) from None
    return int(member.address), member.type


def _of_struct(head, path):
    found = _place(head, path)
    return None if found is None else _number(load(found[1], found[0]))


def _step():
    at = place.line_of(register("pc")) if world() == "HS" else None
    found = re.match(r"Step (\d+)", place.step_of(*at) or "") if at and at[0] in place.FILES else None
    return int(found.group(1)) if found else None


def _function():
    if world() != "HS":
        return None
    block, name = gdb.block_for_pc(register("pc")), None
    while block is not None:  # use the outermost function: inlined ones have no address of their own
        name = block.function.name if block.function else name
        block = block.superblock
    if name:
        return name
    known = symbol(register("pc"))
    return known[0] if known else None


def _insn():
    text = gdb.execute("x/i $pc", to_string=True).strip().split(":", 1)[-1]
    return " ".join(re.sub(r"\s*(<[^>]*>|#.*)", "", text).split())


WORDS = {"count": lambda: register("instret"), "world": world, "step": _step, "function": _function, "insn": _insn,
         "cause": lambda: None if is_virtual() else names.cause_name(register("scause"))}


def read(field):
    """Return a field's value (a number or a word), or None if it is not accessible now. Raise Problem if there is no
    such field."""
    if field.startswith("{"):
        return vm.number(field[1:-1], "expression")
    if field in WORDS:
        return WORDS[field]()
    head, _, path = field.partition(".")
    if path and head in HEADS:
        member = path.rpartition(".")[0]
        if _table(field)[0]:
            value = _of_struct(head, member)
            return None if value is None else csr.value_of(row_of(*_table(field)), value)
        return _of_struct(head, path)
    if path:
        return _csr_field(head, path)
    return _register(field)


def _table(field):
    """Return ('hstatus', 'SPV') for hstatus.SPV or guest.hstatus.SPV; ('', '') if FIELD names no CSR in TABLES."""
    whole, _, part = field.rpartition(".")
    name = whole.rpartition(".")[2]
    return (name, part) if name in csr.TABLES else ("", "")


def read_or_none(field):
    """Return read(field), or None if that fails, for example because there is no such memory yet."""
    try:
        return read(field)
    except (Problem, gdb.error, gdb.MemoryError):
        return None


def reader(field):
    """Return a function for repeated reads of FIELD. It works as read_or_none(field) does, but the address of a
    structure's member is looked up only once, here."""
    head, _, path = field.partition(".")
    found = _place(head, path) if head in HEADS and path and not _table(field)[0] else None
    return (lambda: read_or_none(field)) if found is None else lambda: _number(load(found[1], found[0]))


def _register(name):
    if is_virtual():
        if name in snapshot.S_OF_VS:
            return register(snapshot.S_OF_VS[name])
        if name in snapshot.S_OF_VS.values():
            return None
    if name not in snapshot.GPRS and name != "pc" and register(name) is None and name not in csr.sources():
        raise Problem("there is no register or field '%s'" % name)
    return register(name)


def row_of(name, part):
    """Return the field PART of the CSR NAME. A bit of hedeleg is also found by the old name of its cause."""
    spelled = (part, names.OLD_CAUSES.get(part.lower(), "").upper())
    row = next((f for f in csr.TABLES.get(name, []) if f.name in spelled), None)
    if row is None:
        raise Problem("%s has no field '%s'" % (name, part))
    return row


def _csr_field(name, part):
    row, value = row_of(name, part), _register(name)
    return None if value is None else csr.value_of(row, value)


def word_of(field, value):
    """Return the name of a CSR field's value, such as VS, Dirty or Sv57x4; '' if it has none."""
    name, part = _table(field)
    return row_of(name, part).values.get(value, "") if name and isinstance(value, int) else ""


def guest_symbols():
    path = os.environ.get("HS_GUEST_ELF")
    try:
        return elf.symbols(path) if path else {}
    except (OSError, ValueError):
        return {}


# -- meanings ----------------------------------------------------------------------------------

def resolve(meaning, field, then):
    """Return the value of an expectation's right side, a number or a word."""
    if re.fullmatch(r"0x[0-9a-fA-F]+|\d+", meaning):
        return int(meaning, 0)
    if meaning == "then":
        return then
    if meaning.startswith("the "):
        known = named_objects()
        if meaning not in known:
            raise Problem("nothing is called '%s'; known names: %s" % (meaning, ", ".join(known) or "none without a VM"))
        at = known[meaning]
        return at >> 12 if field.endswith(".PPN") else at
    name, part = _table(field)
    if name:
        words = {word: number for number, word in row_of(name, part).values.items()}
        if meaning in words:
            return words[meaning]
    if meaning in kernel_symbols() and field not in WORDS:
        return address(meaning)
    if field in WORDS:
        return meaning
    try:
        return read(meaning)
    except Problem:
        pass
    constant = gdb.lookup_static_symbol(meaning) or gdb.lookup_global_symbol(meaning)
    if constant is not None and constant.addr_class == gdb.SYMBOL_LOC_CONST:  # an enumerator
        return _number(constant.value())
    return guest_symbols().get(meaning, meaning)


def within(value, function):
    """Return whether VALUE is an address in the function named FUNCTION, of the host, the guest or the VMM."""
    known = symbol(value) if isinstance(value, int) else None
    block = gdb.block_for_pc(value) if isinstance(value, int) else None
    while block is not None and block.function is None:
        block = block.superblock
    return function in (known[0] if known else None, block.function.name if block else None)
