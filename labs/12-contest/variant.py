# SPDX-License-Identifier: MIT
"""variant.py - lab 12: everybody has the same workload; the hidden one has other proportions."""

# How often a turn does each (src/guest/bench/mix.c), from the last digit's kind to the first's.
LEAST = (5, 2, 1, 1, 1, 1, 1, 1)
MORE = (5, 4, 3, 2, 3, 2, 2, 3)


def variant(_draw):
    return {}


def hidden(draw, _made):
    return {"mix": "".join(str(least + draw.below(more)) for least, more in zip(LEAST, MORE))[::-1]}
