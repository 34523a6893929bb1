# SPDX-License-Identifier: MIT
"""names.py - names of trap causes and SBI extensions, from the tables that C uses."""
from hs import tables

IRQ = 1 << 63
TABLE, SBI = "src/include/hv/cause.def", "src/include/hv/sbi.def"


def _causes():
    causes = {int(number): name for _, number, name, _, _ in tables.rows(TABLE, "EXCEPTION")}
    causes.update((IRQ | int(number), name) for _, number, name, _, _ in tables.rows(TABLE, "INTERRUPT"))
    return causes


CAUSES = _causes()  # scause -> name
OLD_CAUSES = dict(tables.rows(TABLE, "CAUSE_ALIAS"))  # accepted, never printed
SBI_EXTENSIONS = {int(number, 0): ext for ext, number, *_ in tables.rows(SBI, "SBI_EXTENSION")}
SBI_EXTENSIONS.update((int(number, 0), name) for _, number, _, name, _ in tables.rows(SBI, "SBI_LEGACY"))


def cause_name(scause):
    """Return the name of a cause as hstrace prints it (trace/file/names.c)."""
    scause &= (1 << 64) - 1
    if scause >> 31 == 1:  # an interrupt on a 32-bit machine
        scause = IRQ | scause & ~(1 << 31)
    kind = "irq_%d" if scause & IRQ else "exception_%d"
    return CAUSES.get(scause, kind % (scause & ~IRQ))


def cause_number(text):
    """Return the scause for a name or number; raise ValueError if there is none."""
    text = OLD_CAUSES.get(text.lower(), text.lower())
    for number, name in CAUSES.items():
        if text == name:
            return number
    if text.startswith("irq_") and text[4:].isdigit():
        return IRQ | int(text[4:])
    return int(text, 0)
