# SPDX-License-Identifier: MIT
"""variant.py - lab 10: each student's rule for the end of pre-copy.

If only numbers differed, another student's file would pass with the numbers changed. So rules also
differ in what a round is compared with, and in how rounds in vain are counted.
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
        "base": ("what was left one round earlier", "the least that was left after any earlier round")[least],
        "counted": ("altogether", "in a row")[in_a_row],
        # The expressions with which the solution records a round.
        "_left": ("left", "left < precopy.left ? left : precopy.left")[least],
        "_vain": ("precopy.vain + vain", "vain ? precopy.vain + 1 : 0")[in_a_row],
    }


def hidden(draw, _made):
    """Return the seed from which the hidden tests draw the pages to be written and the rounds to be simulated."""
    return {"seed": 1 + draw.below(1 << 30)}
