#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""insn_kinds - check that scripts/hs/anatomy/insn.py classifies each encoding as objdump does.

usage: insn_kinds.py TOP OUT

Every instruction of the kernel, the VMM and the bench payload is checked. Prints TAP.
"""
import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(sys.argv[1], "scripts"))

from hs.anatomy import insn  # noqa: E402
from hs.paths import cross_tool  # noqa: E402

LINE = re.compile(r"^\s*([0-9a-f]+):\s+([0-9a-f]{4}|[0-9a-f]{8})\s+(\S+)\s*([^<#]*)")
LOADS = re.compile(r"^(l[bhwd]u?|fl[wdq]|lr\.[wd]|sc\.[wd]|amo\w+\.[wd])(\.aqrl|\.aq|\.rl)?$"
                   r"|^hlvx?\.|^vl[a-z0-9]*\.v$")
STORES = re.compile(r"^(s[bhwd]|fs[wdq])$|^hsv\.|^vs[a-z0-9]*\.v$")
BRANCHES = re.compile(r"^b(eq|ne|lt|ge|gt|le)u?z?$")


def expected(mnemonic, operands):
    words = operands.replace("(", ",").replace(")", "").split(",")
    if mnemonic in ("ecall", "ebreak"):
        return insn.ECALL
    if mnemonic in ("sret", "mret"):
        return insn.TRAP_RETURN
    if mnemonic == "wfi":
        return insn.WFI
    if mnemonic == "ret":
        return insn.RETURN
    if mnemonic in ("jal", "jalr"):
        # binutils 2.44 writes "jalr 20(ra)" for "jalr ra,20(ra)".
        if len(words) > 1 and not re.match(r"\s*(ra|t0|-?[0-9]+)\s*$", words[0]):
            return insn.JUMP
        return insn.CALL
    if mnemonic == "j":
        return insn.JUMP
    if mnemonic == "jr":
        return insn.RETURN if words[0].strip() in ("ra", "t0") else insn.JUMP
    for pattern, kind in ((LOADS, insn.LOAD), (STORES, insn.STORE), (BRANCHES, insn.BRANCH)):
        if pattern.match(mnemonic):
            return kind
    if re.match(r"^(csr|rd(time|cycle|instret)$)|^[hs](fence|inval)", mnemonic):
        return insn.CSR
    return None


def compare(elf):
    text = subprocess.run([cross_tool("objdump"), "-d", "-z", elf], stdout=subprocess.PIPE,
                          check=True).stdout.decode()
    seen, wrong = 0, []
    for line in text.splitlines():
        found = LINE.match(line)
        if not found:
            continue
        address, word, mnemonic, operands = found.groups()
        if mnemonic.startswith("."):
            continue  # ".4byte": binutils 2.38 does not know cbo.zero and similar instructions
        decoded = insn.decode(int(word, 16), len(word) // 2)
        want = expected(mnemonic, operands)
        if want is None:
            # Not known to expected(): COMPUTE, or a CSR or ILLEGAL encoding for which objdump prints another name.
            good = decoded.kind in (insn.COMPUTE, insn.CSR, insn.ILLEGAL)
        else:
            seen += 1
            good = decoded.kind == want
            if good and decoded.offset is not None:
                target = re.search(r"\b([0-9a-f]+) *$", operands.strip())
                good = (bool(target) and (int(address, 16) + decoded.offset) & (1 << 64) - 1
                        == int(target.group(1), 16))
        if not good:
            wrong.append("%s (as kind %d)" % (line.strip(), decoded.kind))
    return seen, wrong


def main():
    out = sys.argv[2]
    for name in ("hyperscope.elf", "vmm", "guest-payloads/bench.elf"):
        seen, wrong = compare(os.path.join(out, name))
        print("%s - %s: loads, stores, jumps and CSRs are classified as objdump classifies them"
              % ("ok" if seen > 50 and not wrong else "not ok", name))
        print("# %d compared" % seen)
        for line in wrong[:10]:
            print("# " + line)


main()
