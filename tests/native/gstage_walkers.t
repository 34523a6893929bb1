#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Check that the two G-stage walkers really differ: in the kernel's object files, the recursive one
# calls itself and the iterative one does not. (If the compiler turned tail calls into loops, toggle
# gstage_walk would have nothing to compare.) Also check that neither walker uses the other, and
# that test_gstage reaches every line of both.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"

objects=$O/kernel/src/kvm/mmu
objdump=${CROSS_COMPILE:-riscv64-linux-gnu-}objdump
needs_built "$objects/gstage_rec.c.o" "$objects/gstage_iter.c.o"

# Print the functions of an object that call themselves.
recursive()
{
	"$objdump" -dr "$objects/$1" | awk '
		/^[0-9a-f]+ <[A-Za-z_]/ { gsub(/[<>:]/, "", $2); self = $2 }
		/R_RISCV_(CALL|CALL_PLT|JAL)/ && $NF == self { print self }' | sort -u | tr '\n' ' '
}

# Print the symbols of an object, both defined and undefined, whose names start with a match for the
# pattern.
symbols()
{
	"$objdump" -t "$objects/$1" | awk -v want="^($2)" '$NF ~ want { print $NF }' | sort -u | tr '\n' ' '
}

# Print the numbers of the lines of a file in src/kvm/mmu that PROGRAM does not reach, according to
# gcov.
unreached()	# FILE PROGRAM
{
	local dir=$tmp/$1 base=${1%.c}
	mkdir -p "$dir" &&
		make -s -f "$HS_TOP/Makefile" O="$O" native-mutant FILE="mmu/$1" SOURCE="$HS_TOP/src/kvm/mmu/$1" \
			PROGRAM="$2" OUTPUT="$dir/$base" HOSTCC="${HOSTCC:-gcc} --coverage" >"$dir/make" 2>&1 &&
		"$dir/$base" >"$dir/out" 2>&1 && cd "$HS_TOP" &&
		gcov -t -o "$dir" "$dir/$base.gcda" 2>"$dir/err" | awk -F: -v want="src/kvm/mmu/$1" '
			$3 == "Source" { here = $4 == want; seen += here }
			here && $1 ~ /#####/ { print $2 + 0 }
			END { if (!seen) print "no such source" }'
}

is "$(recursive gstage_rec.c.o)" "change_in find_in free_in map_in " \
	"the recursive walker's functions to find, map, change and free call themselves"
is "$(recursive gstage_iter.c.o)" "" "no function of the iterative walker calls itself"
is "$(symbols gstage_iter.c.o 'iter_map|gstage_iter_ops')/$(symbols gstage_rec.c.o 'rec_map|map_in|gstage_rec_ops')" \
	"gstage_iter_ops iter_map /gstage_rec_ops map_in rec_map " "each walker's own symbols are found"
is "$(symbols gstage_rec.c.o 'iter_|gstage_iter')" "" "the recursive walker uses no symbol of the iterative one"
is "$(symbols gstage_iter.c.o 'rec_|.*_in$|gstage_rec')" "" "the iterative walker uses no symbol of the recursive one"
if ! command -v gcov >/dev/null; then
	skip "test_gstage reaches every line of both walkers" "gcov is not installed"
	done_testing
fi
for file in gstage_iter.c gstage_rec.c; do
	lines=$(unreached "$file" test_gstage)
	is "$?:$lines" "0:" "test_gstage reaches every line of $file" || diag "$(tail -n 5 "$tmp/$file/make" "$tmp/$file/out" "$tmp/$file/err")"
done
done_testing
