# SPDX-License-Identifier: MIT
"""variant.py - lab 1: how often each student's guest does each operation, the numbers it uses, and the mistake."""

# Place of the statement in lab.toml, the statement, the register that shows the mistake first, the function
MISTAKES = (
    ("_inject", "tval = 0;", "stval", "vcpu_inject_trap"),
    ("_inject", "vsstatus &= ~SSTATUS_SPP;", "sstatus", "vcpu_inject_trap"),
    ("_inject", "vsstatus &= ~SSTATUS_SPIE;", "sstatus", "vcpu_inject_trap"),
    ("_isa", "henvcfg &= ~ENVCFG_CBZE;", "scause", "isa_henvcfg"),
    ("_isa", "henvcfg &= ~ENVCFG_ADUE;", "scause", "isa_henvcfg"),
)


def variant(draw):
    made = {"calls": 20 + draw.below(60), "sleeps": 5 + draw.below(20), "touches": 10 + draw.below(40),
            "stride": 1 + draw.below(3), "seed": 1 + draw.below(1 << 30), "rounds": 3 + draw.below(10)}
    place, statement, register, function = draw.among(MISTAKES)
    made.update({"_inject": "", "_isa": "", "_register": register, "_function": function})
    made[place] = "\t%s\n" % statement
    return made
