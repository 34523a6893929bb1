# SPDX-License-Identifier: MIT
"""snapshot - a hart's registers at a stop, and the differences between two stops (does not use gdb).

A snapshot is a dict, name -> value, in display order; the value of "world" is a string. Registers that
are not accessible in the hart's mode (the host's s-registers while V=1) are missing.
"""
from . import csr

GPRS = ("zero ra sp gp tp t0 t1 t2 s0 s1 a0 a1 a2 a3 a4 a5 a6 a7 s2 s3 s4 s5 s6 s7 s8 s9 s10 s11 "
        "t3 t4 t5 t6").split()
# Registers that exist twice: as s..., and as vs... for the guest.
TWINS = "status ie tvec scratch epc cause tval ip atp".split()
S_OF_VS = {"vs" + n: "s" + n for n in TWINS}  # while a guest runs, its vs-registers are read as s-registers
OTHERS = ("hstatus hedeleg hideleg hcounteren henvcfg hvip htimedelta htval htinst hgatp "
          "scounteren senvcfg").split()


def names(virtual):
    """Return the registers of a snapshot as (name, name in the debugger)."""
    rows = [("pc", "pc")] + [(n, n) for n in GPRS[1:]]
    if virtual:  # the s-registers are the guest's
        rows += list(S_OF_VS.items())
    else:
        rows += [("s" + n, "s" + n) for n in TWINS] + [("vs" + n, "vs" + n) for n in TWINS]
    return rows + [(n, n) for n in OTHERS]


def take(world, virtual, read):
    """Return a snapshot. read(name) returns a register's value, or None if the register is not available."""
    state = {"world": world}
    for name, register in names(virtual):
        value = read(register)
        if value is not None:
            state[name] = value
    return state


def diff(before, after):
    """Return (name, old, new) for each difference; a value is None if the register was not accessible."""
    order = list(before) + [name for name in after if name not in before]
    return [(n, before.get(n), after.get(n)) for n in order if before.get(n) != after.get(n)]


def _fields(name, then, now):
    words = []
    for field in sorted(csr.TABLES.get(name, []), reverse=True):
        old, new = csr.value_of(field, then), csr.value_of(field, now)
        if old != new and field.name not in ("BASE", "GPA", "Code", "Interrupt"):
            words.append("%s -> %s" % (csr.word(field, old), csr.word(field, new).split("=")[1]))
    return ", ".join(words) if len(words) < 4 else csr.brief(name, now)


def show(changes):
    lines = []
    hidden = []
    for name, then, now in changes:
        if isinstance(then or now, str):
            lines.append("  %-10s %s -> %s" % (name, then, now))
        elif then is None or now is None:
            hidden.append(name)
        else:
            lines.append(("  %-10s 0x%x -> 0x%x  %s"
                          % (name, then, now, _fields(name, then, now))).rstrip())
    if hidden:
        lines.append("  accessible at one stop only: " + " ".join(hidden))
    return lines
