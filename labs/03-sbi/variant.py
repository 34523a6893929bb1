# SPDX-License-Identifier: MIT
"""variant.py - lab 3: each student's own SBI extension.

Each of its four functions makes an SBI handler do something different: read arguments from registers,
read a register that is not an argument, return an error, and change where the guest continues.
"""

OPERATIONS = (("+", "plus"), ("-", "minus"), ("^", "exclusive or"))
ERRORS = (("SBI_ERR_INVALID_PARAM", -3), ("SBI_ERR_DENIED", -4), ("SBI_ERR_INVALID_ADDRESS", -5),
          ("SBI_ERR_ALREADY_AVAILABLE", -6))


def variant(draw):
    mix, reg, check, skip = draw.some(range(1, 64), 4)
    first, second = draw.some(range(6), 2)
    operation = draw.below(len(OPERATIONS))
    error = draw.among(ERRORS)
    saved = 2 + draw.below(10)
    made = {
        "ext": 0x09000000 + 0x1000 + draw.below(0xffe000),
        "fid_mix": mix, "fid_reg": reg, "fid_check": check, "fid_skip": skip,
        "first": "a%d" % first, "second": "a%d" % second,
        "rotate": 1 + draw.below(62), "operation": operation,
        "operator": OPERATIONS[operation][0], "operator_word": OPERATIONS[operation][1],
        "saved": "s%d" % saved, "addend": 1 + draw.below(0xfffff),
        "checked": "a%d" % draw.below(6), "bound": 16 + draw.below(4000),
        "factor": 3 + draw.below(100), "error": error[0], "error_number": error[1],
        "skipped": 1 + draw.below(4),
    }
    # The solution's C expressions for these registers, such as a[3]. Values whose names begin with _ are not
    # written into the student's tree.
    for name in ("first", "second", "saved", "checked"):
        made["_" + name] = "%s[%s]" % (made[name][0], made[name][1:])
    return made


def hidden(draw, _made):
    """Return a seed for the arguments of the hidden calls, and the ID of an extension that does not exist."""
    return {"seed": 1 + draw.below(1 << 30), "neighbor": 0x09000000 + draw.below(0x1000)}
