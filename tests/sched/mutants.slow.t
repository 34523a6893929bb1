#!/bin/bash
# SPDX-License-Identifier: MIT
#
# mutants.slow.t - check that the tests of the host's mutexes can fail: mutex.c is built with one of
# its rules broken, and one of the two test programs has to detect the mutant, if only by hanging.
# One rule has no mutant: once a waiter has requested a handoff, no other thread takes the mutex
# between the owner's unlock and the handoff. The tests could not detect a violation: the waiter would
# lose the mutex only once more, and the thread that took it would then hand it over.
. "${HS_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/mutant.sh"

needs_built "$O/tests/sched/tsan_mutex"

limit=$(scaled 20)
for program in test_mutex tsan_mutex; do
	start=$SECONDS
	timeout --kill-after=5 "$(scaled 60)" "$O/tests/sched/$program" >"$tmp/out" 2>&1
	ok $? "unbroken: $program passes" || diag "$(tail -n 20 "$tmp/out")"
	limit=$((limit + 5 * (SECONDS - start)))
done

mutant()	# NAME SUBSTITUTION PROGRAM
{
	local name=$1 change=$2 program=$3 status
	rm -rf "$tmp/build"
	mkdir "$tmp/build"
	ln -s "$O/uapi" "$tmp/build/uapi"
	planted "$name: noticed by $program" src/host/sched/mutex.c "$change" "$tmp/mutex.c" make -s -f "$HS_TOP/Makefile" \
		O="$tmp/build" UAPI="$O/uapi" MUTEX="$tmp/mutex.c" "$tmp/build/tests/sched/$program" || return
	# In braces, so that bash's message "Aborted" goes to the file as well.
	{ timeout --kill-after=5 "$limit" "$tmp/build/tests/sched/$program"; } >"$tmp/out" 2>&1
	status=$?
	detected $status "$limit" "$O/tests/sched/$program"
	ok $? "$name: noticed by $program" || diag "it ended with status $status (0: it passed every test of $program)"
}

mutant "no waiter ever requests the mutex" 's/hv_time\(\) >= patience/patience == 1/' test_mutex
mutant "a waiter that gives up leaves its request set" 's/is_first\(m, entry\) \? MUTEX_HANDOFF : 0/0/' test_mutex
mutant "the last waiter leaves the waiters bit set" \
	's/gone \|= MUTEX_WAITERS/gone |= 0/' test_mutex
mutant "the first waiter is not woken" 's/thread_wake\(next, &kicks\);//' test_mutex
mutant "the first waiter's hart is not interrupted" 's/hv_kicks_send\(&kicks\);//' test_mutex
mutant "a thread that is handed the mutex does not notice" 's/mutex_is_mine\(m\) \|\| take/take/' test_mutex
mutant "the mutex is handed to a thread that has not requested it" \
	's/\(word & MUTEX_BITS\) == MUTEX_BITS && //; s/MUTEX_HANDOFF \| \(unsigned long\)next/(unsigned long)next/' test_mutex
mutant "any signal ends any wait" 's/thread_sleep_ends\(current, state\)/thread_sleep_ends(current, THREAD_INTERRUPTIBLE)/' test_mutex
mutant "unlock has no release ordering" \
	's/self, __ATOMIC_RELEASE/self, __ATOMIC_RELAXED/' tsan_mutex
mutant "lock has no acquire ordering" 's/__ATOMIC_ACQUIRE/__ATOMIC_RELAXED/g' tsan_mutex
done_testing
