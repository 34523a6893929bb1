#!/bin/bash
# SPDX-License-Identifier: MIT
#
# harts.slow.t - run random sequences of system calls on three harts under TSan. The unbroken host
# must not cause a report. Each mutant lacks a lock, or wakes a thread too early, and has to cause a
# report within 200 rounds of one of five seeds.
. "${HS_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/mutant.sh"

program=$O/tests/syscalls/harts
seed=${1:-1} cpu=$(taskset -cp $$ | sed -E "s/.*: ([0-9]+).*/\1/")
make_mutant "$program" >"$tmp/out" 2>&1 || {
	ok 1 "the program is built"
	diag "$(tail -n 5 "$tmp/out")"
	done_testing
}

# Run rounds on one processor, where any thread may be interrupted between any two accesses, and print
# the reports.
reports()	# PROGRAM SEED ROUNDS
{
	{ TSAN_OPTIONS="halt_on_error=0 exitcode=1" timeout "$(scaled 300)" taskset -c "$cpu" "$1" "$2" "$3"; } >"$tmp/out" 2>&1
	status=$?
	grep -E "^SUMMARY: |^machine: " "$tmp/out"
}

mutant()	# NAME FILE SUBSTITUTION
{
	local name=$1 file=src/$2 change=$3 i
	planted "$name: detected" "$file" "$change" "$tmp/mutant.c" \
		make_mutant syscalls-harts-mutant FILE="$file" SOURCE="$tmp/mutant.c" OUTPUT="$tmp/mutant" || return
	for i in 0 1 2 3 4; do
		reports "$tmp/mutant" $((seed + i)) 200 >"$tmp/reports" && break
	done
	[ -s "$tmp/reports" ]
	ok $? "$name: detected" || diag "$(tail -n 5 "$tmp/out")"
}

mutant "a fault does not take mm->lock" host/mm/fault.c \
	's/mutex_lock\(&mm->lock\);(\s+err = mm_fault_locked.*?)mutex_unlock\(&mm->lock\);/$1/s'
mutant "munmap() does not take mm->lock" host/mm/sys_mem.c \
	's/mutex_lock\(&mm->lock\);(\s+err = vma_unmap\(mm, frame->a0, len\);\s+)vma_unlock\(mm\);/$1/'
mutant "the table of descriptors is not locked" host/file/fd_table.c \
	's/spin_(un)?lock\(([^;]*)\);/(void)($2);/g'
mutant "free pages are not locked" host/mm/page.c 's/spin_(un)?lock\(&page_lock\);//g'

mutant "the waiters of futexes are not locked" host/proc/futex.c 's/spin_(un)?lock\(&[^;]*\);//g'
mutant "the writers of a pipe do not exclude each other" host/file/pipe.c \
	's/if \(!mutex_trylock\(&p->write_lock\)\)\s+return -EAGAIN;//; s/ret = mutex_lock_interruptible\(&p->write_lock\);/ret = 0;/; s/mutex_unlock\(&p->write_lock\);//g'
mutant "the readers of a pipe do not exclude each other" host/file/pipe.c \
	's/ret = mutex_lock_interruptible\(&p->read_lock\);/ret = 0;/; s/mutex_unlock\(&p->read_lock\);//g'

mutant "a thread that has to move can be woken before it is queued" host/sched/sched.c \
	's/place_elsewhere\(left\)/thread_wake(left, NULL)/; s/me->left = prev;/me->left = prev, prev->state == THREAD_DEAD ? 0 : (prev->state = THREAD_SLEEPING);/'

reports "$program" "$seed" 300 >"$tmp/reports"
is "$status $(sort "$tmp/reports" | uniq -c)" "0 " "unbroken: 300 rounds run to their end without a report" ||
	diag "seed $seed: $(tail -n 5 "$tmp/out")"
done_testing
