#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# gen_insns.py - make a table of instruction encodings and their memory accesses, using the assembler and the
# disassembler.
#
# usage: gen_insns.py AS OBJCOPY OBJDUMP OUT
#
# The rows have two sources. The first is the list of instructions in assembled(), whose meaning follows from their
# text and whose encodings come from the assembler. The second is every 16-bit encoding and thousands of random 32-bit
# ones, with the meanings that the disassembler gives. A row is 12 bytes: u32 encoding, then u8 kind, length, sign,
# register, base, instruction length, s16 offset.
import random
import re
import struct
import subprocess
import sys
import tempfile

NONE, LOAD, STORE, OTHER = range(4)

LOADS = {"lb": (1, 1), "lh": (2, 1), "lw": (4, 1), "ld": (8, 1), "lbu": (1, 0), "lhu": (2, 0), "lwu": (4, 0)}
STORES = {"sb": 1, "sh": 2, "sw": 4, "sd": 8}
OTHERS = re.compile(r"(c\.)?f(l|s)[hwdq](sp)?$|(amo[a-z]+|lr|sc)\.[wd](\.aq|\.rl|\.aqrl)?$|cbo\.|v[ls]\w*\.v$|v[ls]\dr")


def rows_from_text(mnemonic, operands, insn_len):
    """Return the access of an instruction as a row without the encoding, or None if the instruction is unknown."""
    bare = mnemonic.removeprefix("c.")
    if bare.endswith("sp") and bare[:-2] in {**LOADS, **STORES}:
        bare = bare[:-2]
    match = re.match(r"x(\d+),(-?\d+)\(x(\d+)\)$", operands.split(" ")[0])
    if bare in LOADS and match:
        length, sign = LOADS[bare]
        return LOAD, length, sign, int(match[1]), int(match[3]), insn_len, int(match[2])
    if bare in STORES and match:
        return STORE, STORES[bare], 0, int(match[1]), int(match[3]), insn_len, int(match[2])
    if OTHERS.match(mnemonic):
        return OTHER, 0, 0, 0, 0, insn_len, 0
    if mnemonic in ("unimp", "c.unimp") or not re.match(r"[a-z][a-z0-9.]*$", mnemonic):
        return None
    return NONE, 0, 0, 0, 0, insn_len, 0


def assembled():
    """Yield (mnemonic, operands, length) of instructions whose meaning follows from their text."""
    registers, offsets = (0, 1, 5, 8, 15, 16, 31), (-2048, -8, -1, 0, 1, 4, 2040, 2047)
    for name in list(LOADS) + list(STORES):
        for reg in registers:
            for base in registers:
                for offset in offsets:
                    yield name, f"x{reg},{offset}(x{base})", 4
    for name, step in (("c.lw", 4), ("c.ld", 8), ("c.sw", 4), ("c.sd", 8)):
        for reg in range(8, 16):
            for offset in range(0, 32 * step, step):
                yield name, f"x{reg},{offset}(x{23 - reg})", 2
    for name, step in (("c.lwsp", 4), ("c.ldsp", 8), ("c.swsp", 4), ("c.sdsp", 8)):
        for reg in (1, 2, 8, 31):
            for offset in range(0, 64 * step, step):
                yield name, f"x{reg},{offset}(x2)", 2
    other = ["lr.w x5,(x6)", "sc.d x5,x7,(x6)", "amoadd.w x5,x7,(x6)", "amoswap.d.aqrl x5,x7,(x6)",
             "flw f1,4(x2)", "fld f1,8(x2)", "fsw f1,4(x2)", "fsd f1,8(x2)", "cbo.zero (x5)", "cbo.clean (x5)",
             "vle8.v v1,(x5)", "vse64.v v1,(x5)", "vlse32.v v1,(x5),x6", "vl1re8.v v1,(x5)"]
    none = ["add x1,x2,x3", "addi x1,x2,3", "lui x1,5", "auipc x1,5", "fence", "fence.i", "ecall", "ebreak",
            "csrrw x1,0x100,x2", "mul x1,x2,x3", "fadd.d f1,f2,f3", "wfi", "jalr x1,0(x2)", "c.addi x1,1"]
    for text in other + none:
        name, _, operands = text.partition(" ")
        yield name, operands, 2 if name.startswith("c.") else 4


def assemble(tools, folder):
    lines = [".option arch,+v,+zicbom,+zicboz"]
    wanted = []
    for name, operands, length in assembled():
        option = "rvc" if length == 2 else "norvc"
        lines += [f".option {option}", f"{name} {operands}"]
        row = rows_from_text(name, operands, length)
        wanted.append(row)
    with open(f"{folder}/a.s", "w") as f:
        f.write("\n".join(lines) + "\n")
    subprocess.run([tools[0], "-march=rv64gcv_zicbom_zicboz", "-o", f"{folder}/a.o", f"{folder}/a.s"], check=True)
    subprocess.run([tools[1], "-O", "binary", "-j", ".text", f"{folder}/a.o", f"{folder}/a.bin"], check=True)
    code = open(f"{folder}/a.bin", "rb").read()
    at = 0
    for row in wanted:
        length = row[5]
        yield int.from_bytes(code[at:at + length], "little"), row
        at += length
    assert at == len(code)


def disassemble(tools, folder):
    rng = random.Random(1)
    insns = [(i, 2) for i in range(0x10000) if i & 3 != 3]
    for opcode in (0x03, 0x23, 0x07, 0x27, 0x2F, 0x0F, 0x13, 0x33, 0x73):
        insns += [(rng.getrandbits(25) << 7 | opcode, 4) for _ in range(1500)]
    with open(f"{folder}/d.bin", "wb") as f:
        f.write(b"".join(i.to_bytes(n, "little") for i, n in insns))
    text = subprocess.run([tools[2], "-D", "-b", "binary", "-m", "riscv:rv64", "-M", "no-aliases,numeric", f"{folder}/d.bin"],
                          check=True, capture_output=True, text=True).stdout
    lines = [line.split("\t") for line in text.splitlines() if re.match(r"\s*[0-9a-f]+:\t", line)]
    assert len(lines) == len(insns), (len(lines), len(insns))
    for (insn, length), fields in zip(insns, lines):
        assert int(fields[1].replace(" ", ""), 16) == insn
        row = rows_from_text(fields[2].strip(), fields[3] if len(fields) > 3 else "", length)
        if row:
            yield insn, row


def main():
    tools, out = sys.argv[1:4], sys.argv[4]
    with tempfile.TemporaryDirectory() as folder:
        rows = list(assemble(tools, folder)) + list(disassemble(tools, folder))
    with open(out, "wb") as f:
        for insn, (kind, length, sign, reg, base, insn_len, offset) in rows:
            f.write(struct.pack("<IBBBBBBh", insn, kind, length, sign, reg, base, insn_len, offset))


main()
