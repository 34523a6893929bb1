# SPDX-License-Identifier: MIT
"""variant.py - lab 10: when one student's pre-copy stops.

Numbers alone would let a neighbour's file pass with the numbers changed; so what a round is compared
with, and how rounds in vain are counted, differ as well.
"""

FRACTIONS = ((1, 2), (2, 3), (3, 4), (3, 5), (4, 5), (5, 6), (5, 8), (7, 8))


def variant(draw):
    least, in_a_row = draw.below(2), draw.below(2)
    num, den = draw.among(FRACTIONS)
    few, percent = 10 + draw.below(120), 120 + draw.below(200)
    return {
        "few": few, "patience": 2 + draw.below(3), "percent": percent,
        "few_text": "%d" % few, "percent_text": "%d" % percent, "num": num, "den": den,
        "least": least, "in_a_row": in_a_row,
        "base": ("what was left one round before", "the least that was left after any round before")[least],
        "counted": ("altogether", "in a row")[in_a_row],
        # What the solution keeps of a round.
        "_left": ("left", "left < precopy.left ? left : precopy.left")[least],
        "_vain": ("precopy.vain + vain", "vain ? precopy.vain + 1 : 0")[in_a_row],
    }


def hidden(draw, _made):
    """Which pages the hidden tests write, and which rounds they tell."""
    return {"seed": 1 + draw.below(1 << 30)}
