#!/bin/bash
# SPDX-License-Identifier: MIT
#
# vcpu-state.slow.t - test a vCPU's state for minutes: exits in flight, resets, stops and starts in random
# order, and registers restored in random orders.
#
# usage: tests/native/vcpu-state.slow.t [SEED]   SEED repeats a run; a failure prints it
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"

seed=${1:-$(((RANDOM << 30 | RANDOM << 15 | RANDOM) + 1))}
diag "seed $seed"
runs()	# PROGRAM STEPS SECONDS CLAIM
{
	needs_built "$O/tests/$1"
	HS_SEED=$seed HS_STEPS=$2 HS_RACE=$3 timeout "$(scaled 400)" "$O/tests/$1" >"$tmp/out" 2>&1
	ok $? "$4" || diag "seed $seed" "$(tail -n 20 "$tmp/out")"
}

runs native/test_completion 5000000 40 "in 5 million steps, every entry has the model's registers"
runs tsan/test_completion 200000 20 "200000 steps and the race of two threads pass under TSan"
runs native/test_restore 4000 0 "4000 vCPUs, each restored in four orders, equal the saved ones"
done_testing
