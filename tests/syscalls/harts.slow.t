#!/bin/bash
# SPDX-License-Identifier: MIT
#
# harts.slow.t - run random sequences of system calls on three harts under TSan, and check that it
# detects missing locks: each mutant has to show within 200 rounds, in a function that the pattern names.
. "${HS_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/mutant.sh"

program=$O/tests/syscalls/harts
seed=${1:-1}
make_mutant "$program" >"$tmp/out" 2>&1 || {
	ok 1 "the program is built"
	diag "$(tail -n 5 "$tmp/out")"
	done_testing
}

timeout "$(scaled 300)" "$program" "$seed" 300 >"$tmp/out" 2>&1
ok $? "unbroken: 300 rounds on three harts show no race" || diag "seed $seed" "$(head -n 40 "$tmp/out")"

mutant()	# NAME FILE SUBSTITUTION PATTERN
{
	local name=$1 file=src/$2 change=$3 pattern=$4
	planted "$name: detected" "$file" "$change" "$tmp/mutant.c" \
		make_mutant syscalls-harts-mutant FILE="$file" SOURCE="$tmp/mutant.c" OUTPUT="$tmp/mutant" || return
	# Other mistakes of the mutant may show first.
	{ TSAN_OPTIONS=halt_on_error=0 timeout "$(scaled 60)" "$tmp/mutant" "$seed" 200; } >"$tmp/out" 2>&1
	grep -qE "^ +#[0-3] .*($pattern)|^machine: " "$tmp/out"
	ok $? "$name: detected" || diag "$(tail -n 5 "$tmp/out")"
}

mutant "a fault does not take mm->lock" host/mm/fault.c \
	's/mutex_lock\(&mm->lock\);(\s+err = mm_fault_locked.*?)mutex_unlock\(&mm->lock\);/$1/s' 'src/host/mm/'
mutant "munmap() does not take mm->lock" host/mm/sys_mem.c \
	's/mutex_lock\(&mm->lock\);(\s+err = vma_unmap\(mm, frame->a0, len\);\s+)vma_unlock\(mm\);/$1/' 'src/host/mm/'
mutant "the table of descriptors is not locked" host/file/fd_table.c 's/spin_(un)?lock\(([^;]*)\);/(void)($2);/g' 'mutant\.c'
mutant "free pages are not locked" host/mm/page.c 's/spin_(un)?lock\(&page_lock\);//g' 'list\.h|mutant\.c'
done_testing
