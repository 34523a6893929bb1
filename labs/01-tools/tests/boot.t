#!/bin/bash
# SPDX-License-Identifier: MIT
#
# boot.t - compare the answers from the exit table with the exit table of a new run
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
HS_SECONDS=60 hs run --icount "$O/guest-payloads/tools.bin"
is "$status" 0 "the guest runs" || diag "$err"
count()	# ROW
{
	sed -n "s/^$1  *\([0-9][0-9]*\) .*/\1/p" <<<"$out"
}
answered boot-sbi-base "$(count 'sbi base')"
answered boot-wfi "$(count wfi)"
answered boot-fault-store "$(count 'fault on RAM, store')"
# Columns: name, count, share, mean. Only the name may contain blanks. Leave out wfi, because QEMU
# 8.2 also counts instructions while a hart sleeps: about a million here.
answered boot-most-costly "$(sed -n '/^cause /,/^[0-9]* of them\|^trace/p' <<<"$out" |
	sed -nE '/^wfi /d; s/^([a-z].*[^ ]) +[0-9]+ +[0-9.]+% +([0-9]+) .*/\2 \1/p' | sort -n | tail -n 1 | cut -d' ' -f2-)"
done_testing
