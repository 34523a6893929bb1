# SPDX-License-Identifier: MIT
"""variant.py - lab 11: two requests that each student's disk has in addition to those of virtio.

One computes a checksum of sectors, which the driver would otherwise have to read; the other fills
sectors with a pattern. Both take parameters, at different places for each student.
"""


def variant(draw):
    kind_sum, kind_fill = draw.some(range(0x100, 0xffff), 2)
    count_at, other_at = draw.some(range(0, 16, 4), 2)
    sum_at, done_at = draw.some(range(0, 16, 4), 2)
    reflected = draw.below(2)
    poly = 0x80000001 | draw.below(1 << 32)
    made = {
        "type_sum": kind_sum, "type_fill": kind_fill,
        "count_at": count_at, "other_at": other_at, "sum_at": sum_at, "done_at": done_at,
        "most": 16 + draw.below(48), "filler": 0x10 + draw.below(0xe0),
        "reflected": reflected, "poly": poly,
        "first": 1 + draw.below(0xffffffff), "last": 1 + draw.below(0xffffffff),
        "by_sector": 3 + 2 * draw.below(100), "by_byte": 3 + 2 * draw.below(100), "twist": 1 + draw.below(255),
        "bit_word": "lowest" if reflected else "highest",
        "way_word": "right" if reflected else "left",
        "place_word": "the lowest eight bits" if reflected else "the highest eight bits",
        "_enter": "sum ^= bytes[i]" if reflected else "sum ^= (u32)bytes[i] << 24",
        "_step": "sum = sum & 1 ? sum >> 1 ^ %#x : sum >> 1" % poly if reflected else
                 "sum = sum >> 31 ? sum << 1 ^ %#x : sum << 1" % poly,
    }
    return made


def hidden(draw, _made):
    """Return the seed for the sectors that are requested, and for random chains."""
    return {"seed": 1 + draw.below(1 << 30)}
