# SPDX-License-Identifier: MIT
"""place - find where a hart is: its privilege mode and, in the world switch, the step that the source names."""
import os
import re

import gdb
from hs import names, tables
from .target import Problem, address, is_virtual, read_kernel, register, world
from .vm import current_vcpu, exit_vectors, level

SRET = 0x10200073
STEP = re.compile(r"/?\*\s*(Step \d+: .*)")
MEANING = {"M": "the firmware", "HS": "the hypervisor's host", "U": "a program of the host",
           "VS": "the guest's kernel", "VU": "a program in the guest", "?": "an unknown mode"}
FILES = ("src/kvm/exit/switch.S", "src/kvm/exit/switch_fast.S", "src/kvm/exit/fast_exit.h")


def entries():
    """Return the addresses of the sret instructions that enter a guest."""
    found = []
    for first, last in (("vcpu_switch", "vcpu_exit_save_callee"), ("vcpu_exit_fast", "declined")):
        start = address(first)
        code = read_kernel(start, address(last) - start)
        found += [start + at for at in range(0, len(code) - 3, 2)
                  if int.from_bytes(code[at:at + 4], "little") == SRET]
    return found


def step_of(path, line):
    """Return the last "Step N: ..." comment at or above LINE of the file PATH, up to its first period or colon, or
    None."""
    try:
        with open(os.path.join(tables.TOP, path), encoding="utf-8") as source:
            lines = source.read().split("\n")[:line]
    except OSError:
        return None
    for at in range(len(lines) - 1, -1, -1):
        found = STEP.search(lines[at])
        if not found:
            continue
        text = found.group(1)
        for more in lines[at + 1:]:
            if re.search(r"[.:]( |$)", text.partition(": ")[2]) or "*/" in text:
                break
            text += " " + more.strip(" \t*/")
        head, _, rest = text.partition(": ")
        return head + ": " + re.split(r"[.:]( |$)| \*/", rest)[0].strip(" */")
    return None


def address_of_step(number):
    """Return the address of the first instruction of a step of the world switch, or None."""
    path = FILES[0]
    try:
        with open(os.path.join(tables.TOP, path), encoding="utf-8") as source:
            first = next(n for n, line in enumerate(source, 1) if "Step %d: " % number in line)
    except (OSError, StopIteration):
        return None
    table = gdb.find_pc_line(address("vcpu_switch")).symtab
    rows = [row for row in table.linetable() if row.line > first] if table else []
    nearest = min((row.line for row in rows), default=0)
    return min((row.pc for row in rows if row.line == nearest), default=None)


def line_of(pc):
    """Return the kernel's source line at pc as (file, line), or None."""
    found = gdb.find_pc_line(pc)
    if found.symtab is None or not found.line:
        return None
    name = found.symtab.filename
    return name[name.index("src/"):] if "src/" in name else name, found.line


def callers():
    """Return the names of the stopped function and its callers, innermost first, as far as the stack can be unwound,
    but at most 8."""
    called = []
    try:
        frame = gdb.newest_frame()
        while frame is not None and len(called) < 8 and frame.name():
            called.append(frame.name())
            frame = frame.older()
    except gdb.error:
        pass
    return called


def _level():
    """Return a line about the level of the guest that runs in this hart, or None if it does not have the H extension."""
    try:
        vcpu = current_vcpu()
    except Problem:  # a guest of another host
        return None
    which = level(vcpu) if vcpu else ""
    return "  %s of vCPU %d.%d%s" % (which, vcpu.vm, vcpu.index, ", a guest of its guest" if which == "L2" else "") \
        if which else None


def describe():
    """Return lines with the privilege mode, the place in the source, and the step of the world switch."""
    now, pc = world(), register("pc")
    lines = ["hart %d, %s (%s), pc 0x%x" % (gdb.selected_thread().ptid[1] - 1, now, MEANING[now], pc)]
    if now == "HS":
        at = line_of(pc)
        # Do not unwind the stack in the world switch, where sp may be the guest's.
        called = [] if at and at[0] in FILES else callers()
        if at:
            lines.append("  %s:%d" % at)
        if called:
            lines.append("  " + " <- ".join(called))
        lines += _switch(pc, at)
    else:
        text = gdb.execute("info symbol 0x%x" % pc, to_string=True).strip()
        if not text.startswith("No symbol") and now != "M":
            lines.append("  " + text.split(" in section")[0])
        which = _level() if is_virtual() else None
        if which:
            lines.append(which)
    return lines


def _switch(pc, at):
    if pc in exit_vectors():
        return ["  world switch: the guest has just trapped (%s); all registers are its own" %
                names.cause_name(register("scause"))]
    if pc in entries():
        return ["  world switch: the next instruction enters the guest at 0x%x" % register("sepc")]
    if not at or at[0] not in FILES:
        return []
    step = step_of(*at)
    return ["  world switch: " + step] if step else ["  world switch, fast path"]
