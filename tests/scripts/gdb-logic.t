#!/bin/bash
# SPDX-License-Identifier: MIT
#
# gdb-logic.t - the computations of gdb's hs commands, without gdb: fields, walks, ELF symbols, differences,
# interrupt controllers.
. "${HS_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"

said=$(timeout "$(scaled 60)" python3 -B - "$HS_TOP/scripts" 2>&1 <<'E2'
import sys
import tempfile

sys.path.insert(0, sys.argv[1])
from hs import elf  # noqa: E402
from hs.gdb import csr, irqchip, snapshot, walk  # noqa: E402
from hs import names  # noqa: E402


def claim(condition, name):
    print("%sok - %s" % ("" if condition else "not ", name))


def refused(call, *args):
    try:
        call(*args)
    except ValueError:
        return True
    return False


# Fields: every register named in the table is in csr.def, and no two of its fields overlap.
claim(set(csr.TABLES) <= set(csr.sources()), "every register with fields is in csr.def")
for name, rows in csr.TABLES.items():
    bits = [b for f in rows for b in range(f.low, f.high + 1)]
    claim(len(bits) == len(set(bits)) and max(bits) < 64, "no two fields of %s overlap" % name)
claim(any("SPV=1 " in line for line in csr.decode("hstatus", 1 << 7)), "hstatus.SPV is bit 7")
claim(any("0x1000000" in line for line in csr.decode("hstatus", 1 << 24)), "set bits of hstatus that have no name are shown too")
claim(csr.brief("vsstatus", 3 << 13 | 1 << 8) == "FS=Dirty SPP=S", "csr.brief() shows values by name and leaves out fields that are 0")
claim(names.cause_number("irq_s_timer") == 1 << 63 | 5 and names.cause_number("0x14") == 20 and
      names.cause_number("ECALL_VS") == 10, "a cause is found by name and by number")
claim(names.cause_number("vs_ecall") == 10 and names.cause_number("load_access") == 5,
      "a cause is found by the names that gdb's commands used before")
claim(refused(names.cause_number, "nonsense"), "an unknown cause is refused")
claim(names.cause_name(1 << 63 | 33) == "irq_33", "a cause without a name is shown as its number")

# Walks over a memory of 8-byte entries.
memory = {}


def table(at, index, pte):
    memory[at + 8 * index] = pte


def ptr(pa, flags=1):
    return pa >> 12 << 10 | flags


GSTAGE = 8 << 60 | 0x80000            # Sv39x4, root at 0x80000000
table(0x80000000, 2, ptr(0x80010000))
table(0x80010000, 0, ptr(0x80011000))
table(0x80010000, 1, ptr(0xa0200000, 0xdf))  # GPA 0x80200000: 2 MiB
table(0x80010000, 2, ptr(0xa0201000, 0xdf))  # misaligned
table(0x80011000, 5, ptr(0xb0005000, 0x1f))  # GPA 0x80005000: 4 KiB
table(0x80011000, 6, ptr(0xb0006000))        # a table at level 0
table(0x80000000, 3, ptr(0x80012000, 5))     # W without R
table(0x80000000, 1024, ptr(0xc0000000, 0xdf))  # above Sv39's own 512 entries


def g(gpa):
    return walk.walk("G", GSTAGE, gpa, memory.get)


memory.update({0x80000000 + 8 * i: memory.get(0x80000000 + 8 * i, 0) for i in range(2048)})
claim(g(0x80212345).result == 0xa0212345, "a 2 MiB leaf is found from its middle")
claim(g(0x80005abc).result == 0xb0005abc, "a 4 KiB leaf is found")
claim(g(1 << 40).result == 0xc0000000, "the root of Sv39x4 has 2048 entries")
claim("more than the 41 bits" in g(1 << 41).error, "an address of more than 41 bits is refused")
claim("V is 0 at level 2" in g(0).error, "an empty entry is reported")
claim("misaligned" in g(0x80400000).error, "a misaligned leaf is reported")
claim("reserved" in g(0x80006000).error, "a table at level 0 is reserved")
claim("reserved" in g(0xc0000000).error, "W without R is reserved")
claim("outside RAM" in g(0x80007000).error, "an entry that cannot be read is reported")
claim("MODE 3 is reserved" in walk.walk("G", 3 << 60, 0, memory.get).error, "a reserved mode is reported")
claim(walk.walk("G", 0, 0x1234, memory.get).result == 0x1234, "a walk in mode Bare does not change the address")

# Both stages: the guest's Sv39 root is the page at GPA 0x80005000, and its next table is in the 2
# MiB page.
VSATP = 8 << 60 | 0x80005
table(0xb0005000, 256, ptr(0x80201000))
table(0xb0005000, 1, ptr(0x90000000))        # a table where the G-stage maps nothing
table(0xa0201000, 0, ptr(0x80200000, 0xcf))
two = walk.walk("VS", VSATP, 0xffffffc000001234, memory.get, g)
claim(two.result == 0x80201234, "the VS-stage is walked through the G-stage")
claim([s.inner.result for s in two.steps] == [0xb0005800, 0xa0201000], "each step of the VS-stage walk includes the G-stage walk to its entry")
claim(len(walk.show(two)) == 2 + 2 + 5 + 4, "a nested walk is shown with one line for each step, heading and end")
claim("not canonical" in walk.walk("VS", VSATP, 1 << 40, memory.get, g).error, "a virtual address that is not canonical is reported")
lost = walk.walk("VS", VSATP, 1 << 30, memory.get, g)
claim("no page for the table at GPA 0x90000000" in lost.error, "a table that the G-stage does not map is reported")

# Snapshots.
hs = snapshot.take("HS", False, lambda name: {"hstatus": 0x80, "a0": 1}.get(name, 0))
vs = snapshot.take("VS", True, lambda name: {"hstatus": 0, "a0": 2}.get(name, 0))
changes = snapshot.diff(hs, vs)
claim(("a0", 1, 2) in changes and ("world", "HS", "VS") in changes, "the difference of two snapshots names what changed")
claim(("sepc", 0, None) in changes, "the difference of two snapshots names what can no longer be read")
claim(any("SPV=1 -> 0" in line for line in snapshot.show(changes)), "the difference of two snapshots shows the changed fields")
claim(snapshot.diff(hs, dict(hs)) == [], "equal snapshots have no difference")

# Interrupt controllers.
claim(irqchip.numbers([0x80000001, 2], 32) == {0, 31, 33}, "the bits of an array are numbered across its words")
claim(irqchip.listed({1, 2, 3, 7, 64}) == "1-3 7 64" and irqchip.listed(()) == "none", "numbers are listed with ranges")
plic = irqchip.Plic(4, {1}, {3}, {1}, {3}, [0, 5, 0, 0, 0],
                    [irqchip.Context("1.0", 2, True, {1}), irqchip.Context("1.1", 0, False, {1, 3})])
claim(irqchip.plic_lines(plic) == [
    "source 1: priority 5, line high, pending, enabled for vCPU 1.0 1.1",
    "source 3: priority 0, in service, another edge arrived, enabled for vCPU 1.1",
    "vCPU 1.0: threshold 2, external interrupt raised", "vCPU 1.1: threshold 0, external interrupt low"],
      "a PLIC is shown with the sources that are in use, and all vCPUs")
# Two groups of four harts, whose pages begin at 0x28000000 and 0x29000000; two guests' pages follow each hart's.
CONFIG = [0, 255, 31, 1, 24, 2, 1]
claim(irqchip.page_of(3 << 18 | 9, CONFIG, 0x28000) == 0x28006, "the page of a hart of the first group is found")
claim(irqchip.page_of(6 << 18 | 9, CONFIG, 0x28000) == 0x29004, "the page of a hart of the second group is found")
claim(irqchip.page_of(8 << 18 | 9, CONFIG, 0x28000) is None, "a target in a group that does not exist has no page")
claim(irqchip.page_of(1 << 12 | 9, CONFIG, 0x28000) is None, "a target with a guest index has no page")
aplic = irqchip.Aplic(3, {2}, {2}, {1}, [0, 6, 4, 0], [0, 42, 1 << 18 | 7, 0])
claim(irqchip.aplic_lines(aplic, irqchip.msi_to(lambda target: "1.0" if target < 1 << 18 else None)) == [
    "source 1: level1, enabled, MSI 42 to vCPU 1.0", "source 2: edge1, input high, pending, MSI 7 to no vCPU"],
      "an APLIC is shown with the sources that are active")
idcs = [irqchip.Idc("1.0", 1, True, 3, 1 << 16 | 2, True), irqchip.Idc("1.1", 0, False, 0, 0, False)]
aplic = irqchip.Aplic(2, {1}, {1}, {1}, [0, 6, 4], [0, 2, 2 << 18 | 7])
claim(irqchip.aplic_lines(aplic, irqchip.direct_to(idcs)) + irqchip.idc_lines(idcs) == [
    "source 1: level1, input high, pending, enabled, priority 2 at vCPU 1.0", "source 2: edge1, priority 7 at no vCPU",
    "vCPU 1.0: IDC: delivery 1, forced, threshold 3, top source 1 (priority 2), external interrupt raised",
    "vCPU 1.1: IDC: delivery 0, threshold 0, no top source, external interrupt low"],
      "an APLIC with direct delivery is shown with its IDCs")

# Invalid ELF files.
for data, what in ((b"", "empty"), (b"\x7fELF\x02\x01" + b"\xff" * 200, "damaged"), (b"\x7fELF\x02\x01" + bytes(90), "without symbols")):
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        claim(refused(elf.symbols, file.name), "an ELF file that is %s is refused" % what)
print("end")
E2
)
relay "$said"
like "$said" "^end$" "the Python part ran to its end"
# A function that gcc renamed is found by its original name, unless another symbol has that name. A .part symbol
# is not the function.
printf '.byte 0\n"f.isra.0": .byte 0\n"g.constprop.0.isra.1": .byte 0\ng: .byte 0\n"h.part.0": .byte 0\n' |
	"${CROSS_COMPILE:-riscv64-linux-gnu-}gcc" -c -x assembler -o "$tmp/renamed.o" -
is "$(python3 -B -c 'import sys; sys.path.insert(0, sys.argv[1]); from hs import elf; found = elf.symbols(sys.argv[2]); print(*map(found.get, "fgh"))' \
	"$HS_TOP/scripts" "$tmp/renamed.o" 2>&1)" "1 3 None" "a function's symbol is found in spite of the suffixes that gcc appends"
payload=$O/guest-payloads/hello.elf
needs_built "$payload"
like "$(python3 -B -c 'import sys; sys.path.insert(0, sys.argv[1]); from hs import elf; print(hex(elf.symbols(sys.argv[2])["_start"]))' \
	"$HS_TOP/scripts" "$payload" 2>&1)" "^0x80200000$" "a payload's symbols are found"
done_testing
