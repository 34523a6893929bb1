#!/bin/bash
# SPDX-License-Identifier: MIT
#
# equivalence.t - random programs have the same outcome in a guest and on the bare machine, with the
# default toggles and with others (docs/equivalence.md).
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
needs_built "$O/vmm"
printf '#!/bin/sh\n[ "$1" = --version ] && echo QEMU emulator version 10.0.2 || exec sleep 100\n' >"$tmp/hangs" && chmod +x "$tmp/hangs"
! qemu_older 8.0 || skip_all "this QEMU has other defects of the H extension than docs/equivalence.md lists"

# The firmware redirects the exception of a misaligned AMO, LR or SC, which this QEMU then spoils.
aligned=() misaligned=4
! spoils_redirects || aligned=(--aligned-atomics) misaligned=

same()	# NAME OPTION...
{
	local name=$1
	shift
	hs_script equivalence --timeout "$(scaled 60)" "${aligned[@]}" "$@"
	is "$status" 0 "$name: all outcomes are equal" || diag "$(cat "$tmp/table" "$tmp/err")"
}

same "default toggles" --count 200
like "$(cat "$tmp/table")" '^median of a program: at least [2-9][0-9][0-9] instructions, [1-9][0-9] traps' \
	"a program executes at least 200 instructions and takes at least 10 traps in the median"
classes=$(sed -n '/^pieces/,/^traps/p' "$tmp/table")
missing=
for class in $(sed -n '/HS_ONLY\|WITH_H/!s/^PIECE(\([a-z_]*\),.*/\1/p' "$HS_TOP/src/guest/equivalence/class.def"); do
	grep -qE "\b$class [1-9]" <<<"$classes" || missing+=" $class"
done
is "$missing" "" "each class of pieces is executed"
for cause in 2 3 $misaligned 8 12 13 15 irq1 irq5; do
	grep -qE "(^| )$cause [1-9]" <(sed -n '/^traps/,$p' "$tmp/table") || missing+=" $cause"
done
is "$missing" "" "each cause of a trap that the programs can have occurs"
same "other toggles" --first 200 --count 100 --quiet --set fp=eager --set fastpath=off --set switch=full \
	--set gstage_huge=off --set timer=hrtimer --set wfi=native --set counters=trap

if spoils_redirects; then # by illegal instructions of a guest of the program, for example
	skip "HS mode with excursions to V=1" "$spoiled_redirects"
else
	same "HS mode with excursions to V=1" --hs --first 20 --count 100
	same "HS mode, switch=full timer=hrtimer" --hs --first 40100 --count 100 --set switch=full --set timer=hrtimer
	missing=
	for class in $(sed -n '/HS_ONLY\|WITH_H/s/^PIECE(\([a-z_]*\),.*/\1/p' "$HS_TOP/src/guest/equivalence/class.def"); do
		grep -qE "\b$class [1-9]" "$tmp/table" || missing+=" $class"
	done
	for cause in v1-2 v1-3 v1-8 v1-10 v1-12 v1-13 v1-15 v1-20 v1-21 v1-22 v1-23 v1-irq2 vs-2 vs-3 vs-13 vs-15 vs-irq1 vs-irq5 vs-irq9; do
		grep -qE "(^| )$cause [1-9]" "$tmp/table" || missing+=" $cause"
	done
	is "$missing" "" "each class of pieces with H is executed, and each cause of a trap from V=1 occurs"
	like "$(cat "$tmp/table")" 'excursions to V=1 of a program in the median: [2-9], traps from V=1: [1-9]' \
		"a program makes at least 2 excursions in the median"
fi

# ---- failures that say nothing about programs, and programs that end a machine ----
refused()	# STATUS REGEX OPTION...
{
	hs_script equivalence "${@:3}"
	like "$status $(wc -l <"$tmp/err") $(cat "$tmp/table" "$tmp/err")" "^$1 1 equivalence: $2" "${*:3}: the error alone, with status $1"
}
refused 125 "/bin/false does not report its version" --qemu /bin/false
refused 2 "--cpu foo: QEMU refuses it" --cpu foo
refused 2 "--first 99999999999999999999 --count 1: .* less than 10" --first 99999999999999999999 --count 1
refused 124 "[a-z]*: the payload did not start: it did not end within 1 seconds" --timeout 1 --count 1000 --qemu "$tmp/hangs"
python3 -B - "$HS_TOP/scripts" >"$tmp/all" 2>&1 <<'END'
import sys, types
sys.path.insert(0, sys.argv[1])
from hs.commands import equivalence
from hs.equivalence import shrink
from hs.equivalence.compare import differing
from hs.equivalence.systems import BARE, GUEST, SYSTEMS, Output, Systems
from hs.errors import LaunchError

class Fake:
    """A guest that ends in programs 7 and 8, computes program 5 wrongly, and hangs in `hangs`. The cause is piece 21."""
    def __init__(self, hangs=(), timeout=60, slow=False):
        self.options, self.hangs, self.slow, self.boots = types.SimpleNamespace(timeout=timeout), hangs, slow, 0
    def both(self, first, count=1, batch=1, keep="f" * 32, without=False):
        self.boots += 1
        return {name: self.run(name, first, count, batch, int(keep, 16), without) for name in SYSTEMS}
    def run(self, name, first, count, batch, mask, without):
        found = Output()
        found.lines, found.seconds = ["features d"], 2
        forms = [(number, mask) for number in range(first, first + count)]
        if without:
            forms += [(first, shrink.left_out(mask, [(at, size)])) for size in (64, 32, 16, 8, 4, 2, 1) for at in range(0, 128, size)]
        digests = []
        for number, kept in forms:
            bad = name == GUEST and kept >> 21 & 1
            if bad and (number in (7, 8) or number in self.hangs or self.slow and number - first == 5):
                found.timed_out = number not in (7, 8)
                found.error = "did not end within %d seconds" % self.options.timeout if found.timed_out else "ended early"
                return found
            digests.append("%d" % (number + (number == 5 and bad)))
            if without:
                continue
            if len(digests) == batch or number == first + count - 1:
                found.lines.append("batch %d %d %s" % (number + 1 - len(digests), len(digests), ".".join(digests)))
                digests = []
        return found

def of(fake, *arguments):
    errors = []
    try:
        return [key for key, _ in differing(fake, *arguments, on_error=errors.append)], len(errors), fake.boots
    except LaunchError as error:
        return error.status
reader = types.SimpleNamespace(options=types.SimpleNamespace(timeout=9))
complaint = b"system_opcode_insn: Invalid opcode for CSR read/write instruction"
child = types.SimpleNamespace(stdout=[b"features d\r\n", complaint * 2 + b"batch 0 1 77\r\n", complaint + b"end\r\n"])
print(Systems._read(reader, child).digests())
print(of(Fake(), 0, 20, 1), of(Fake(), 0, 20, 4), of(Fake(), 9, 20, 4))
print(of(Fake([11]), 9, 20, 1), of(Fake([11], 9), 9, 20, 1), of(Fake(slow=True), 9, 20, 4))
parser = equivalence.new_parser()
equivalence.repeat(parser, parser.parse_args("--set fp=eager --set wfi=native --cpu rv64,v=on --count 500 --jobs 2".split()), (4711, 1))
print("%x" % shrink.shrink(Fake(), 7, lambda text: None), "%x" % shrink.shrink(Fake([11]), 11, lambda text: None))
END
is "$(head -n 1 "$tmp/all")" "{(0, 1): '77'}" "messages of the firmware before the payload's lines are ignored"
is "$(sed 1d "$tmp/all" | grep -v '^to repeat: ')" "([5, 7, 8], 2, 3) ([4, 8], 2, 3) ([], 0, 1)
([11], 1, 3) 124 124
200000 200000" "a program that ends or hangs a machine differs, later ones run in a new boot, and a time limit that is too short is an error"
is "$(grep '^to repeat: ' "$tmp/all")" "to repeat: scripts/hyperscope equivalence --first 4711 --count 1 --cpu rv64,v=on --set fp=eager --set wfi=native" \
	"the command that repeats a failure names the program and the machines' options"
done_testing
