#!/bin/bash
# SPDX-License-Identifier: MIT
#
# memory-random.slow.t - change a process's memory at random and compare it with a model.
#
# Each run of memory_random prints its seed. To repeat the test, set HS_SEED to the seed of the
# first run.
. "${HS_TOP:-$(dirname "$0")/../..}/tests/lib/tap.sh"
seed=${HS_SEED:-$(date +%s)}
HS_SECONDS=150

random()	# TITLE SECONDS HS-OPTIONS...
{
	local title=$1 seconds=$2
	shift 2
	hs exec --quiet --env HS_EXACT=1 "$@" "$O/tests/linux-abi/memory_random" "$seconds" "$seed"
	relay "$out" "$title"
	is "$status" 0 "$title: memory_random ends with status 0" || diag "$err"
	seed=$((seed + 10))
}

random "2 harts" 60
random "4 harts" 60 --harts 4
random "1 hart" 30 --harts 1
random "little memory" 30 --memory 320M
done_testing
