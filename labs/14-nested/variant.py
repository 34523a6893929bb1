# SPDX-License-Identifier: MIT
"""variant.py - lab 14: which registers each student's L1 accesses at exits of L2, and what its handlers do."""

# An access in VS mode to one of the first kind causes an exit, an access to one of the second does not.
HYPERVISOR = ("vsstatus", "vsepc", "vscause", "vstval", "vstvec", "vsatp", "vsscratch", "vsie", "hvip", "htinst",
              "hideleg", "hedeleg", "hie")
SUPERVISOR = ("sepc", "stval", "sstatus", "satp", "stvec", "sscratch", "sie", "sip")


def reads(registers):
    return "".join("\tsaved[%d] = csr_read(%s);\n" % pair for pair in enumerate(registers))


def variant(draw):
    trapping = draw.some(HYPERVISOR, 1 + draw.below(4))
    registers = draw.some(trapping + draw.some(SUPERVISOR, 7 - len(trapping)), 7)
    words, clears, fence = draw.below(4), draw.below(2), draw.below(2)
    return {
        "calls": 16 + draw.below(16), "touches": 4 + draw.below(9), "waits": 3 + draw.below(6), "vtw": draw.below(2),
        "words": words,
        "_save": reads(registers),
        "_clear": "\tcsr_clear(hvip, BIT(IRQ_VS_TIMER));\n" if clears else "\tcsr_clear(sip, BIT(IRQ_S_SOFT));\n",
        "_fence": "\tl1_fence();\n" if fence else "",
    }


def hidden(draw, _made):
    """Return the seed of the random accesses."""
    return {"seed": 1 + draw.below(1 << 30)}
