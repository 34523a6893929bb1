# SPDX-License-Identifier: MIT
"""variant.py - lab 12: the same workload for everybody, and other proportions for the hidden test."""

# How often a turn does each kind of work (src/guest/bench/mix.c): at least LEAST times, and fewer than LEAST + MORE
# times. The order is that of the digits of mix=NUMBER, from the last to the first.
LEAST = (5, 2, 1, 1, 1, 1, 1, 1)
MORE = (5, 4, 3, 2, 3, 2, 2, 3)


def variant(_draw):
    return {}


def hidden(draw, _made):
    return {"mix": "".join(str(least + draw.below(more)) for least, more in zip(LEAST, MORE))[::-1]}
