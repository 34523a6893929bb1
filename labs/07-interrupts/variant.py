# SPDX-License-Identifier: MIT
"""variant.py - lab 7: each student's own two PLIC registers, and the irqfd numbers (gsi) of the vCPUs' lines."""

FIELDS = (("best", 5), ("priority", 3), ("waiting", 5), ("busy", 5), ("raised", 1))
WIDTH = sum(width for _name, width in FIELDS)


def variant(draw):
    made, at = {}, 0
    gaps = [draw.below(3) for _ in FIELDS]
    for (name, width), gap in zip(draw.some(FIELDS, len(FIELDS)), gaps):
        at += gap
        made[name + "_shift"] = at
        at += width
    used = sum(((1 << width) - 1) << made[name + "_shift"] for name, width in FIELDS)
    made["filler"] = (1 | 2 * draw.below(1 << 31)) << 13 & 0xffffffff & ~used | 1 << 31
    status, own = draw.some(range(2, 512), 2)
    made.update({
        "status_at": 4 * status, "claim_at": 4 * own,
        "multiplier": 3 + 2 * draw.below(15), "addend": draw.below(32),
        "gsi_base": 2 + draw.below(62), "gsi_stride": 2 + draw.below(15),
    })
    return made


def hidden(draw, _made):
    """Return a seed for the random operations of the hidden test."""
    return {"seed": 1 + draw.below(1 << 30)}
