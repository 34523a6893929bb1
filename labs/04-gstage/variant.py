# SPDX-License-Identifier: MIT
"""variant.py - lab 4: each student's own rule that computes a number from the path of a walk."""


def variant(draw):
    made = {"weight%d" % level: 1 + 2 * draw.below(1 << 19) for level in range(5)}
    made.update({"per_level": 1 + draw.below(0xffff), "flags_shift": 8 + draw.below(40),
                 "nothing": 1 + draw.below(0xffff)})
    return made


def hidden(draw, _made):
    """Return a seed for the pages of the hidden test."""
    return {"seed": 1 + draw.below(1 << 30)}
