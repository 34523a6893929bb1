#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The recursive G-stage walker recurses in the kernel that is run, and the iterative one does not:
# a compiler that turns tail calls into loops would leave the toggle nothing to compare.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"

objects=$O/kernel/src/kvm
objdump=${CROSS_COMPILE:-riscv64-linux-gnu-}objdump
[ -f "$objects/gstage_rec.c.o" ] || skip_all "$objects/gstage_rec.c.o is not built"

# Functions of an object that call themselves.
recursive()
{
	"$objdump" -dr "$objects/$1" | awk '
		/^[0-9a-f]+ <[A-Za-z_]/ { gsub(/[<>:]/, "", $2); self = $2 }
		/R_RISCV_(CALL|CALL_PLT|JAL)/ && $NF == self { print self }' | sort -u | tr '\n' ' '
}

is "$(recursive gstage_rec.c.o)" "change_in find_in map_in " "find, map and change call themselves"
is "$(recursive gstage_iter.c.o)" "" "nothing of the iterative walker does"
done_testing
