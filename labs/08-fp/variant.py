# SPDX-License-Identifier: MIT
"""variant.py - lab 8: the rule of each student's fourth policy, and each student's workload.

There are three kinds of rule. They remember different things about a vCPU's past turns: the
last turns themselves, a sum, or the length of a run.
"""
import textwrap

EVIDENCE = (
    "FP registers changed in it: FS was Dirty at its put",
    "FP registers changed in it (FS was Dirty at its put), or were loaded by a trap",
)
WINDOW, COUNTER, STREAK = range(3)


def _wrapped(text):
    return textwrap.fill(text, 100)


def _window(draw):
    m = 6 + draw.below(19)
    k = 3 + draw.below(m - 4)
    j = 1 + draw.below(k - 1)
    text = ("Count the turns with evidence among the last %d, including this one. If there are %d or more, the "
            "next turn's load restores the registers. If there are fewer than %d, it does not. Otherwise the "
            "previous decision remains." % (m, k, j))
    declare = "\tunsigned int i, count = 0;\n"
    rule = ("\tvcpu->fp_history = vcpu->fp_history << 1 | evidence;\n"
            "\tfor (i = 0; i < %d; i++)\n"
            "\t\tcount += vcpu->fp_history >> i & 1;\n"
            "\tvcpu->fp_expected = count >= %d || (expected && count >= %d);" % (m, k, j))
    return (m, k, j, 0), text, declare, rule


def _counter(draw):
    most = 6 + draw.below(26)
    up, down = draw.some((1, 2, 3), 2)
    bound = 3 + draw.below(most - 4)
    text = ("Keep a number, initially 0. A turn with evidence adds %d to it, but not beyond %d; a turn without "
            "evidence subtracts %d, but not below 0. If it is then %d or more, the next turn's load restores "
            "the registers; otherwise it does not." % (up, most, down, bound))
    rule = ("\tif (evidence)\n"
            "\t\tvcpu->fp_history = MIN(vcpu->fp_history + %d, %dUL);\n"
            "\telse\n"
            "\t\tvcpu->fp_history -= MIN(vcpu->fp_history, %dUL);\n"
            "\t(void)expected;\n"
            "\tvcpu->fp_expected = vcpu->fp_history >= %d;" % (up, most, down, bound))
    return (most, up, down, bound), text, "", rule


def _streak(draw):
    on, off = 2 + draw.below(14), 2 + draw.below(14)
    text = ("After %d turns with evidence in a row, the next turn's load restores the registers, and so do the "
            "loads after it, until there have been %d turns without evidence in a row. From then on, no load "
            "restores them until there are %d turns with evidence in a row again." % (on, off, on))
    declare = "\tu32 with = (u32)vcpu->fp_history, without = (u32)(vcpu->fp_history >> 32);\n"
    rule = ("\twith = evidence ? with + 1 : 0;\n"
            "\twithout = evidence ? 0 : without + 1;\n"
            "\tvcpu->fp_history = (u64)without << 32 | with;\n"
            "\tvcpu->fp_expected = with >= %d || (expected && without < %d);" % (on, off))
    return (on, off, 0, 0), text, declare, rule


def _workload(draw):
    """Return a cycle of turns that contains each letter: W writes a register, R reads one, '.' does not use FP."""
    turns = ["W", "R", "."] + [draw.among("WR...") for _ in range(4 + draw.below(9))]
    return "".join(draw.some(turns, len(turns)))


def variant(draw):
    rule, evidence = draw.below(3), draw.below(2)
    numbers, text, declare, code = (_window, _counter, _streak)[rule](draw)
    workload = _workload(draw)
    made = {
        "rule": rule, "evidence": evidence, "rule_text": _wrapped(text),
        "evidence_text": _wrapped("A turn lasts from a load of the vCPU to its next put. A turn has *evidence* if "
                                  + EVIDENCE[evidence] + "."),
        "workload": workload, "cycle": len(workload),
        "writes": sum(1 << i for i, turn in enumerate(workload) if turn == "W"),
        "reads": sum(1 << i for i, turn in enumerate(workload) if turn == "R"),
        "_or_wanted": " || vcpu->fp_wanted" if evidence else "",
        "_declare": declare, "_rule": code,
    }
    made.update(("rule%d" % i, number) for i, number in enumerate(numbers))
    return made


def hidden(draw, _made):
    """Return the seed for the turns of the hidden tests."""
    return {"seed": 1 + draw.below(1 << 30)}
