# SPDX-License-Identifier: MIT
"""check-sret - check that the kernel executes an SC before each sret to another context.

A hart may keep a load reservation across traps, so an sret to a context other
than the one that trapped needs an SC before it (docs/spec.md: A §2). QEMU drops
the reservation at each trap, so no program that runs on QEMU can detect a
missing SC. This command reads the image instead: searching backwards from an
sret, it must find an SC before it finds a jump, the target of a jump, or an LR.
An sret in one of the functions in EXEMPT does not need an SC. For every other
sret, the command prints a line that says whether an SC precedes it.
"""
import re
import subprocess

from hs.errors import STATUS_USAGE, LaunchError
from hs.parser import of_command
from hs.paths import cross_tool

FAST = "returns to the guest that trapped; nothing else has run (switch_fast.S)"
EXEMPT = {
    **{label: FAST for label in ("vcpu_exit_fast", "ecall", "other", "load", "csr")},
    **{"%s_vcpu_fast_%s" % (way, handler): FAST
       for way in ("counted", "full", "sample") for handler in ("sbi", "virtual_inst", "load", "store", "csr")},
    "redirect_probe": "at boot, before any thread or guest exists; its guest executes one instruction",
}
INSN = re.compile(r"^\s*([0-9a-f]+):\s+[0-9a-f ]+\t(\S+)(?:\t(.*))?$")
SYMBOL = re.compile(r"^([0-9a-f]+) <(\S+)>:$")
TARGET = re.compile(r"\b([0-9a-f]+) <")
TRANSFER = re.compile(r"^(b\w+|j|jal|jr|jalr|c\.j\w*|call|tail|ret|[msu]ret|ecall|ebreak)$")


def disassemble(elf):
    """Return the image's instructions in order of address, its symbols, and the targets of its jumps."""
    done = subprocess.run([cross_tool("objdump"), "-d", elf], check=False, capture_output=True, text=True)
    if done.returncode:
        raise LaunchError("%s: %s; name the kernel image with symbols, such as build/hyperscope.elf"
                          % (elf, done.stderr.strip().rpartition(": ")[2] or "cannot be read"), STATUS_USAGE)
    text = done.stdout
    code, symbols, targets = [], {}, set()
    for line in text.splitlines():
        symbol, insn = SYMBOL.match(line), INSN.match(line)
        if symbol:
            symbols[int(symbol.group(1), 16)] = symbol.group(2)
        elif insn:
            code.append((int(insn.group(1), 16), insn.group(2)))
            if TRANSFER.match(insn.group(2)):
                targets.update(int(t, 16) for t in TARGET.findall(insn.group(3) or ""))
    return code, symbols, targets


def fault(code, at, entries):
    """Return why the sret at index AT is not safe, or None if an SC precedes it."""
    while at > 0 and code[at][0] not in entries:
        at -= 1
        mnemonic = code[at][1]
        if mnemonic.startswith("sc."):
            return None
        if mnemonic.startswith("lr."):
            return "an LR between the SC and the sret"
        if TRANSFER.match(mnemonic):
            break
    return "not every path to it contains an SC"


def main(argv):
    parser = of_command("check-sret", __doc__, epilog="exit status: 0; 1 an sret lacks its SC; 2 usage error")
    parser.add_argument("elf", metavar="ELF", help="the kernel image with symbols")
    code, symbols, targets = disassemble(parser.parse_args(argv).elf)
    entries = targets | set(symbols)
    inside, bad, used = None, 0, set()
    for at, (address, mnemonic) in enumerate(code):
        if not symbols.get(address, ".L").startswith(".L"):
            inside = symbols[address]
        if mnemonic != "sret":
            continue
        if inside in EXEMPT:
            used.add(inside)
            continue
        why = fault(code, at, entries)
        print("%s: sret at 0x%x: %s" % (inside, address, why or "an SC precedes it"))
        bad += why is not None
    for name in EXEMPT.keys() - used:
        print("%s: listed in EXEMPT, but it contains no sret" % name)
        bad += 1
    return 1 if bad else 0
