# SPDX-License-Identifier: MIT
"""variant.py - lab 9: each student's own fence call and own order of VMIDs."""

ERRORS = (("SBI_ERR_FAILED", -1), ("SBI_ERR_INVALID_PARAM", -3), ("SBI_ERR_DENIED", -4),
          ("SBI_ERR_INVALID_ADDRESS", -5))
# There are 2^bits - 1 VMIDs. None of these primes divides that number for any width of up to 14 bits, so a sequence
# with any of these steps visits every VMID.
STEPS = (19, 29, 37, 41, 47, 53, 59, 61, 67, 71, 79, 83, 97, 101, 103, 107, 109)


def variant(draw):
    fence, ipi = draw.some(range(1, 64), 2)
    registers = ["a%d" % n for n in draw.some(range(6), 4)]
    width, order = draw.among((5, 6, 7, 9, 10, 11)), draw.below(2)
    caller, error = draw.below(2), draw.among(ERRORS)
    made = {
        "ext": 0x09000000 + 0x1000 + draw.below(0xffe000),
        "fid_fence": fence, "fid_ipi": ipi,
        "list": registers[0], "start": registers[1], "count": registers[2], "asid": registers[3],
        "width": width, "most": 64 // width, "order": order,
        "order_word": ("lowest", "highest")[order],
        "unit": 13 + draw.below(6), "flag": 16 + draw.below(47),
        "caller": caller, "caller_word": ("is notified like any other", "is left out, even if named")[caller],
        "error": error[0], "error_number": error[1],
        "first": draw.below(0x4000), "step": draw.among(STEPS),
    }
    made["ones"], made["unit_bytes"] = (1 << width) - 1, 1 << made["unit"]
    # The expressions that the solution uses for these values. Values whose names begin with _ are not written into
    # the student's tree.
    for name in ("list", "start", "count", "asid"):
        made["_" + name] = "a[%s]" % made[name][1:]
    made["_shift"] = ("i * %d" % width, "64 - (i + 1) * %d" % width)[order]
    return made


def hidden(draw, _made):
    """Return the seed from which the hidden tests draw masks, lists, ranges and the order in which VMs take turns."""
    return {"seed": 1 + draw.below(1 << 30)}
