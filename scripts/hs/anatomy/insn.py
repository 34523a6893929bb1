# SPDX-License-Identifier: MIT
"""insn.py - decode the parts of a RISC-V instruction that determine the path through a program.

Covers the base instruction set, the extensions A, C and Zicsr, FP and vector loads and stores, and cbo.*
(Unprivileged spec), and sret, mret, wfi, HLV, HSV and the fences (Privileged spec). Any other instruction is
COMPUTE: execution continues with the next instruction.
"""

COMPUTE, LOAD, STORE, CSR, BRANCH, JUMP, CALL, RETURN, ECALL, TRAP_RETURN, WFI, ILLEGAL = range(12)
# If one of these instructions traps, QEMU undoes it, so instret does not count it.
MAY_FAULT = (LOAD, STORE, CSR, WFI)
RA, T0 = 1, 5


class Insn:
    """One encoding: its kind, size, registers (rd, sources) and, for a direct jump or branch, its offset."""
    __slots__ = ("kind", "size", "rd", "sources", "offset")

    def __init__(self, kind, size, rd=0, sources=(), offset=None):
        self.kind = kind
        self.size = size
        self.rd = rd
        self.sources = sources
        self.offset = offset


def _signed(value, bits):
    return value - (1 << bits) if value >> (bits - 1) else value


def _jump_kind(rd, rs1):
    if rd in (RA, T0):
        return CALL
    return RETURN if rs1 in (RA, T0) else JUMP


def _decode_compressed(word):
    op, funct = word & 3, word >> 13
    rd, rs2 = word >> 7 & 31, word >> 2 & 31
    small_rd, small_rs1 = 8 + (word >> 2 & 7), 8 + (word >> 7 & 7)
    if word == 0:
        return Insn(ILLEGAL, 2)
    if op == 0:
        if funct in (1, 2, 3):
            return Insn(LOAD, 2, small_rd, (small_rs1,))
        if funct in (5, 6, 7):
            return Insn(STORE, 2, 0, (small_rs1, small_rd))
        return Insn(COMPUTE, 2, small_rd)
    if op == 1:
        if funct == 5:
            offset = ((word >> 12 & 1) << 11 | (word >> 11 & 1) << 4 | (word >> 9 & 3) << 8 |
                      (word >> 8 & 1) << 10 | (word >> 7 & 1) << 6 | (word >> 6 & 1) << 7 |
                      (word >> 3 & 7) << 1 | (word >> 2 & 1) << 5)
            return Insn(JUMP, 2, 0, (), _signed(offset, 12))
        if funct in (6, 7):
            offset = ((word >> 12 & 1) << 8 | (word >> 10 & 3) << 3 | (word >> 5 & 3) << 6 |
                      (word >> 3 & 3) << 1 | (word >> 2 & 1) << 5)
            return Insn(BRANCH, 2, 0, (small_rs1,), _signed(offset, 9))
        return Insn(COMPUTE, 2, small_rs1 if funct == 4 else rd)
    if funct == 4 and rs2 == 0 and rd:
        if word >> 12 & 1:
            return Insn(CALL, 2, RA, (rd,))
        return Insn(_jump_kind(0, rd), 2, 0, (rd,))
    if word == 0x9002:
        return Insn(ECALL, 2)  # c.ebreak
    if funct in (1, 2, 3):
        return Insn(LOAD, 2, rd, (2,))
    if funct in (5, 6, 7):
        return Insn(STORE, 2, 0, (2, rs2))
    return Insn(COMPUTE, 2, rd, (rs2,))


def _decode_system(word, rd, rs1, rs2, funct):
    if funct == 4:  # HLV, HLVX, HSV: the lowest bit of funct7 distinguishes loads from stores
        return Insn(STORE if word >> 25 & 1 else LOAD, 4, rd, (rs1, rs2))
    if funct:
        return Insn(CSR, 4, rd, () if funct & 4 else (rs1,))
    if word in (0x00000073, 0x00100073):
        return Insn(ECALL, 4)
    if word in (0x10200073, 0x30200073):
        return Insn(TRAP_RETURN, 4)
    return Insn(WFI if word == 0x10500073 else CSR, 4)  # privileged fences are treated like CSR instructions


def decode(word, size):
    if size == 2:
        return _decode_compressed(word)
    op, rd, funct = word & 127, word >> 7 & 31, word >> 12 & 7
    rs1, rs2 = word >> 15 & 31, word >> 20 & 31
    if op in (0x03, 0x07):
        return Insn(LOAD, 4, rd if op == 0x03 else 0, (rs1,))
    if op in (0x23, 0x27):
        return Insn(STORE, 4, 0, (rs1, rs2))
    if op == 0x2f:
        return Insn(LOAD, 4, rd, (rs1, rs2))
    if op == 0x0f and funct == 2:
        return Insn(STORE, 4, 0, (rs1,))  # cbo.*
    if op == 0x63:
        offset = ((word >> 31) << 12 | (word >> 7 & 1) << 11 | (word >> 25 & 63) << 5 |
                  (word >> 8 & 15) << 1)
        return Insn(BRANCH, 4, 0, (rs1, rs2), _signed(offset, 13))
    if op == 0x6f:
        offset = ((word >> 31) << 20 | (word >> 12 & 255) << 12 | (word >> 20 & 1) << 11 |
                  (word >> 21 & 1023) << 1)
        return Insn(CALL if rd in (RA, T0) else JUMP, 4, rd, (), _signed(offset, 21))
    if op == 0x67:
        return Insn(_jump_kind(rd, rs1), 4, rd, (rs1,))
    if op == 0x73:
        return _decode_system(word, rd, rs1, rs2, funct)
    if word == 0xffffffff:
        return Insn(ILLEGAL, 4)
    return Insn(COMPUTE, 4, rd, (rs1, rs2))
