#!/bin/bash
# SPDX-License-Identifier: MIT
#
# equivalence.t - random programs have the same outcome in a guest and on the bare machine, with the
# default toggles and with others (docs/equivalence.md).
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
needs_built "$O/vmm"
! qemu_older 8.0 || skip_all "this QEMU has other defects of the H extension than docs/equivalence.md lists"

same()	# NAME OPTION...
{
	local name=$1
	shift
	hs_script equivalence --timeout "$(scaled 60)" "$@"
	is "$status" 0 "$name: all outcomes are equal" || diag "$(cat "$tmp/table" "$tmp/err")"
}

same "default toggles" --count 200
like "$(cat "$tmp/table")" '^median of a program: at least [2-9][0-9][0-9] instructions, [1-9][0-9] traps' \
	"a program executes at least 200 instructions and takes at least 10 traps in the median"
classes=$(sed -n '/^pieces/,/^traps/p' "$tmp/table")
missing=
for class in $(sed -n 's/^PIECE(\([a-z_]*\),.*/\1/p' "$HS_TOP/src/guest/equivalence/class.def"); do
	grep -qE "\b$class [1-9]" <<<"$classes" || missing+=" $class"
done
is "$missing" "" "each class of pieces is executed"
for cause in 2 3 4 8 12 13 15 irq1 irq5; do
	grep -qE "(^| )$cause [1-9]" <(sed -n '/^traps/,$p' "$tmp/table") || missing+=" $cause"
done
is "$missing" "" "each cause of a trap that the programs can have occurs"
same "other toggles" --first 200 --count 100 --quiet --set fp=eager --set fastpath=off --set switch=full \
	--set gstage_huge=off --set timer=hrtimer --set wfi=native --set counters=trap
done_testing
