# SPDX-License-Identifier: MIT
"""csr - decode a CSR's value into named fields (does not use gdb)."""
import collections

from hs import names, tables
from . import fields

Field = collections.namedtuple("Field", "high low name meaning values")


def _field(line):
    bits, name, rest = (line.split(None, 2) + [""])[:3]
    high, _, low = bits.partition(":")
    meaning, _, values = (" " + rest).partition(" =")
    return Field(int(high), int(low or high), name, meaning.strip(),
                 {int(n): word for n, word in (v.split(":") for v in values.split())})


def _tables():
    registers = {}
    for block in fields.FIELDS.strip().split("\n\n"):
        heads, *lines = block.split("\n")
        rows = [_field(line) for line in lines]
        for name in heads.split():
            registers[name] = rows
    registers["hedeleg"] = [Field(int(number), int(number), name, "taken by VS", {})
                            for name, number, *_ in tables.rows(names.TABLE, "EXCEPTION")
                            if int(number) not in fields.NEVER_DELEGATED]
    return registers


TABLES = _tables()


def sources():
    """Return name -> paragraph of the specification, for each CSR in src/include/hv/csr.def."""
    return {name: source for name, _, source in tables.rows("src/include/hv/csr.def", "CSR")}


def value_of(field, value):
    return value >> field.low & (1 << field.high - field.low + 1) - 1


def word(field, number):
    """Return a field's value for display: 'FS=Dirty', 'VGEIN=0', 'SPV=1'."""
    if field.name == "PPN":
        return "PPN=0x%x" % number
    plain = "%d" % number if number < 4096 else "0x%x" % number
    return "%s=%s" % (field.name, field.values.get(number, plain))


def brief(name, value):
    """Return the fields that are not 0, on one line, highest first; for scause and vscause, the name of the cause;
    for htval, stvec, vstvec and registers without fields, ''."""
    rows = sorted(TABLES.get(name, []), reverse=True)
    if name in ("scause", "vscause"):
        return names.cause_name(value) if value else ""
    if name in ("htval", "stvec", "vstvec"):
        return ""
    return " ".join(word(f, value_of(f, value)) for f in rows if value_of(f, value))


def decode(name, value):
    """Return a line for each field, highest first; then, for some registers, a line that explains the value, and one
    for bits that are set but do not belong to any field."""
    left = value
    lines = []
    for field in sorted(TABLES.get(name, []), reverse=True):
        left &= ~(((1 << field.high - field.low + 1) - 1) << field.low)
        bits = "%d" % field.low if field.high == field.low else "%d:%d" % (field.high, field.low)
        lines.append("  %-6s %-22s %s" % (bits, word(field, value_of(field, value)), field.meaning))
    if name in ("scause", "vscause"):
        lines.append("  that is %s" % names.cause_name(value))
    if name in ("hgatp", "satp", "vsatp"):
        lines.append("  the root table is at 0x%x" % ((value & (1 << 44) - 1) << 12))
    if name == "htval":
        lines.append("  the guest physical address 0x%x, rounded down to 4 bytes" % (value << 2))
    if left and name in TABLES:
        lines.append("  bits without a name: 0x%x" % left)
    return [line.rstrip() for line in lines]
