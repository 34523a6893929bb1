# SPDX-License-Identifier: MIT
"""variant.py - lab 1: how often each student's guest does each operation, and the numbers it uses."""


def variant(draw):
    return {"calls": 20 + draw.below(60), "sleeps": 5 + draw.below(20), "touches": 10 + draw.below(40),
            "stride": 1 + draw.below(3), "seed": 1 + draw.below(1 << 30), "rounds": 3 + draw.below(10)}
