#!/bin/bash
# SPDX-License-Identifier: MIT
#
# harts.slow.t - run random sequences of system calls on three harts under TSan, and check that it
# detects missing locks: each mutant has to show within 200 rounds, in a function that the pattern names,
# and the unbroken host must not show it. Other reports of the unbroken host are printed.
. "${HS_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/mutant.sh"

program=$O/tests/syscalls/harts
seed=${1:-1}
make_mutant "$program" >"$tmp/out" 2>&1 || {
	ok 1 "the program is built"
	diag "$(tail -n 5 "$tmp/out")"
	done_testing
}

# Run rounds, and leave the reports in $tmp/out. A mistake may have several, of which some are of
# other functions.
run()	# PROGRAM ROUNDS
{
	{ TSAN_OPTIONS="halt_on_error=0 exitcode=0" timeout "$(scaled 300)" "$1" "$seed" "$2"; } >"$tmp/out" 2>&1
}

patterns=
mutant()	# NAME FILE SUBSTITUTION PATTERN
{
	local name=$1 file=src/$2 change=$3 pattern=$4
	patterns+="${patterns:+|}$pattern"
	planted "$name: detected" "$file" "$change" "$tmp/mutant.c" \
		make_mutant syscalls-harts-mutant FILE="$file" SOURCE="$tmp/mutant.c" OUTPUT="$tmp/mutant" || return
	run "$tmp/mutant" 200
	grep -qE "^SUMMARY: .* in ($pattern)|^machine: " "$tmp/out"
	ok $? "$name: detected" || diag "$(tail -n 5 "$tmp/out")"
}

mutant "a fault does not take mm->lock" host/mm/fault.c \
	's/mutex_lock\(&mm->lock\);(\s+err = mm_fault_locked.*?)mutex_unlock\(&mm->lock\);/$1/s' 'vma_|mm_fault_locked'
mutant "munmap() does not take mm->lock" host/mm/sys_mem.c \
	's/mutex_lock\(&mm->lock\);(\s+err = vma_unmap\(mm, frame->a0, len\);\s+)vma_unlock\(mm\);/$1/' 'vma_'
mutant "the table of descriptors is not locked" host/file/fd_table.c \
	's/spin_(un)?lock\(([^;]*)\);/(void)($2);/g' 'put_in|find_free|file_at|bit_set'
mutant "free pages are not locked" host/mm/page.c 's/spin_(un)?lock\(&page_lock\);//g' 'list_|take_block|alloc_block'

run "$program" 300
ok $? "unbroken: 300 rounds run to their end" || diag "seed $seed" "$(tail -n 5 "$tmp/out")"
unlike "$(cat "$tmp/out")" "^SUMMARY: .* in ($patterns)|^machine: " "unbroken: they show none of these reports"
diag "other reports: $(sed -n 's/^SUMMARY: .* race //p' "$tmp/out" | sort | uniq -c)"
done_testing
