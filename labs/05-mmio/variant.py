# SPDX-License-Identifier: MIT
"""variant.py - lab 5: each student's own device.

Each of its seven registers has something that the others do not: a constant, bits that cannot be
written, arithmetic at the register's own width, a load with a side effect, a queue, flags that one
kind of access clears, and a count of the accesses that are wrong.
"""

REGISTERS = ("ident", "mask", "sum", "count", "data", "level", "errors")
WIDTHS = {"ident": (4, 8), "mask": (1, 2, 4, 8), "sum": (4, 8), "count": (2, 4), "data": (2, 4, 8),
          "level": (4, 8), "errors": (2, 4)}
OPERATIONS = (("+", "plus"), ("-", "minus"), ("^", "exclusive or"))
COUNTED = ("stores to sum", "loads of sum", "loads of sum and stores to it")
FULL = ("the new value is lost", "the oldest value is lost, and the new one is appended")
CLEARED = ("a store to level in which this bit is 1", "a load of level, which itself still shows it")


def _word(draw, width):
    return draw.below(1 << 8 * width)


def variant(draw):
    made = {"width_" + name: draw.among(WIDTHS[name]) for name in REGISTERS}
    for name, place in zip(REGISTERS, draw.some(range(0x200), len(REGISTERS))):
        made["at_" + name] = 8 * place
    one, kept = draw.some(range(8 * made["width_mask"]), 2)   # at least one set and one clear bit
    mask = (_word(draw, made["width_mask"]) | 1 << kept) & ~(1 << one)
    shift = 4 * draw.below(7)
    full, lost = draw.some([bit for bit in range(32) if not shift <= bit < shift + 4], 2)
    made.update({
        "ident": _word(draw, made["width_ident"]),
        "mask": mask, "fixed": (_word(draw, made["width_mask"]) | 1 << one) & ~mask,
        "start": _word(draw, made["width_sum"]), "rotate": 1 + draw.below(8 * made["width_sum"] - 1),
        "operation": draw.below(len(OPERATIONS)), "counted": draw.below(len(COUNTED)),
        "depth": 3 + draw.below(10), "empty": _word(draw, made["width_data"]),
        "oldest_lost": draw.below(2), "cleared_by_load": draw.below(2),
        "number_shift": shift, "full_bit": full, "lost_bit": lost, "wrong": _word(draw, 8),
    })
    made.update({
        "operator": OPERATIONS[made["operation"]][0], "operator_word": OPERATIONS[made["operation"]][1],
        "counted_words": COUNTED[made["counted"]], "full_words": FULL[made["oldest_lost"]],
        "cleared_words": CLEARED[made["cleared_by_load"]],
        # Only for the text of the solution.
        "_counts_stores": int(made["counted"] != 1), "_counts_loads": int(made["counted"] != 0),
        "_sum_type": "u%d" % (8 * made["width_sum"]), "_sum_bits": 8 * made["width_sum"],
    })
    return made


def hidden(draw, _made):
    """Return a seed for the values and their order, and for the instructions."""
    return {"seed": 1 + draw.below(1 << 30)}
