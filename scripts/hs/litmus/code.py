# SPDX-License-Identifier: MIT
"""code.py - read the kernel's instructions, the registers that they use, and the source lines that they come from."""
import re
from typing import NamedTuple

from hs.anatomy import symbols
from hs.errors import LaunchError
from hs.paths import cross_tool

_INSN = re.compile(r"^([0-9a-f]+):\s+(\S+)(?:\s+(.*))?$")
_SYMBOL = re.compile(r"^([0-9a-f]+) <(\S+)>:$")
_MEMORY = re.compile(r"^(-?\w*)\((\w+)\)$")
REGISTERS = frozenset(["ra", "sp", "gp", "tp"] + ["t%d" % i for i in range(7)] + ["s%d" % i for i in range(12)]
                      + ["a%d" % i for i in range(8)])
CALLER_SAVED = frozenset(r for r in REGISTERS if r[0] in "ta" and r != "tp" or r == "ra")
LOADS = ("lb", "lbu", "lh", "lhu", "lw", "lwu", "ld")
STORES = ("sb", "sh", "sw", "sd")
WIDTH = {"b": 1, "h": 2, "w": 4, "d": 8}


class Insn(NamedTuple):
    address: int
    after: int       # address of the next instruction
    function: str
    op: str
    operands: tuple
    target: int      # of a jump or branch, else 0
    uses: tuple      # registers, without those of the address
    base: str        # register of the address of a memory access, else ""
    offset: int
    result: str      # register that is written, or ""

    @property
    def kind(self):
        """Return load, store, amo, lr, sc, fence, branch, jump, call, ret, csr or other."""
        return kind_of(self.op, self.operands)

    @property
    def width(self):
        return WIDTH[self.op.split(".")[1]] if "." in self.op else WIDTH[self.op.lstrip("ls")[0]]

    @property
    def text(self):
        return " ".join((self.op, ",".join(self.operands))).strip()


def kind_of(op, operands):
    for kind, ops in (("load", LOADS), ("store", STORES), ("jump", ("j", "tail")), ("ret", ("ret", "mret", "sret"))):
        if op in ops:
            return kind
    for kind in ("amo", "lr.", "sc.", "csr"):
        if op.startswith(kind):
            return kind.rstrip(".")
    if op in ("fence", "fence.tso"):
        return "fence"
    if op.startswith("b"):
        return "branch"
    if op in ("jal", "jalr", "call", "ecall"):
        return "jump" if operands[:1] == ("zero",) else "call"
    return "indirect" if op == "jr" else "other"


def _decode(address, after, function, op, text):
    text = re.sub(r"\s*[#<].*", "", text or "")
    operands = tuple(part.strip() for part in text.split(",")) if text else ()
    kind = kind_of(op, operands)
    base, offset, result, registers = "", 0, "", list(operands)
    for part in operands:
        match = _MEMORY.match(part)
        if match and match.group(2) in REGISTERS | {"zero"}:
            base, offset = match.group(2), int(match.group(1) or "0", 0)
            registers.remove(part)
    target = 0
    if kind in ("branch", "jump", "call") and operands and re.match(r"^[0-9a-f]{8,}$", operands[-1]):
        target = int(operands[-1], 16)
    if kind in ("load", "amo", "lr", "sc", "other") or kind == "csr" and op not in ("csrw", "csrs", "csrc", "csrwi", "csrsi", "csrci"):
        result = operands[0] if operands and operands[0] in REGISTERS and not op.startswith(("sfence", "hfence")) else ""
        registers = registers[1:]
    return Insn(address, after, function, op, operands, target,
                tuple(r for r in registers if r in REGISTERS), base, offset, result)


def plain(name):
    """Return a function's name without the suffix of a copy that the compiler made (.isra.0, .part.0, .cold)."""
    return name.partition(".")[0]


class Code:
    """The instructions of an ELF file."""

    def __init__(self, elf):
        self.elf = elf
        self.insns = {}      # address -> Insn
        self.functions = {}  # name without suffix -> addresses, of all copies
        self.entries = set()
        self.offsets = {}    # STRUCT.MEMBER -> offset
        self._before = {}    # address -> address of the instruction before it
        self._frames = {}    # address -> [(file, line)], innermost first
        self._read(symbols.run([cross_tool("objdump"), "-d", "--no-show-raw-insn", elf]))

    def _read(self, text):
        raw, function = [], ""
        for line in text.split("\n"):
            match = _INSN.match(line)
            if match:
                raw.append((int(match.group(1), 16), function, match.group(2), match.group(3)))
                continue
            match = _SYMBOL.match(line)
            if match:
                function = match.group(2)
                self.entries.add(int(match.group(1), 16))
        self._before = {now[0]: last[0] for last, now in zip(raw, raw[1:])}
        for now, after in zip(raw, raw[1:] + [(raw[-1][0] + 4,)] if raw else ()):
            self.functions.setdefault(plain(now[1]), []).append(now[0])
            self.insns[now[0]] = (now[0], after[0]) + now[1:]

    def insn(self, address):
        """Return the instruction at this address, or None. It is decoded when it is first asked for."""
        raw = self.insns.get(address)
        if isinstance(raw, tuple) and not isinstance(raw, Insn):
            raw = self.insns[address] = _decode(*raw)
        return raw

    def before(self, address):
        """Return the instruction that precedes this one in memory, or None."""
        return self.insn(self._before.get(address, 0))

    def of(self, names):
        """Return the instructions of these functions. Functions that were inlined everywhere have none."""
        return [self.insn(address) for name in names for address in self.functions.get(name, ())]

    def frames(self, insns):
        """Return address -> [(file, line)], with the lines into which an instruction was inlined."""
        missing = [insn.address for insn in insns if insn.address not in self._frames]
        if missing:
            out = symbols.run([cross_tool("addr2line"), "-a", "-i", "-e", self.elf],
                              "".join("%x\n" % address for address in missing))
            address = 0
            for line in out.splitlines():
                if re.match("0x[0-9a-f]+$", line):
                    address = int(line, 16)
                    self._frames[address] = []
                    continue
                path, _, number = line.split(" ")[0].rpartition(":")
                cut = path.rfind("/src/")
                if cut >= 0 and number.isdigit():
                    self._frames[address].append((path[cut + 1:], int(number)))
        return self._frames

    def prepare(self, functions, members):
        """Read the lines of these functions and the offsets of STRUCT.MEMBER with one call of each tool."""
        self.frames(self.of(functions))
        members = sorted(members)
        out = symbols.run(["gdb-multiarch", "-nx", "-batch"] + [word for member in members for word in (
            "-ex", "print/d (unsigned long)&((struct %s *)0)->%s" % tuple(member.split(".", 1)))] + [self.elf],
                          purpose="test")
        found = re.findall(r"^\$\d+ = (\d+)$", out, re.M)
        if len(found) != len(members):
            raise LaunchError("%s: gdb-multiarch finds no offset of at least one of the members %s" % (self.elf, ", ".join(members)))
        self.offsets = dict(zip(members, map(int, found)))
