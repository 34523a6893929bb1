#!/bin/bash
# SPDX-License-Identifier: MIT
#
# hogs.slow.t - a program that uses little memory survives beside others that use up all memory.
#
# The others are chosen at random, with random sizes, up to three at a time. The survivor's memory
# stays intact, and all memory is freed at the end. To repeat a failure, use its seed:
# scripts/hyperscope exec --memory 72M build/tests/linux-abi/hogs 90 SEED
. "${HS_TOP:-$(dirname "$0")/../..}/tests/lib/tap.sh"

hogs()	# SEED OPTIONS...
{
	local seed=$1
	shift
	HS_SECONDS=300 hs exec --quiet --env HS_EXACT=1 "$@" "$O/tests/linux-abi/hogs" 90 "$seed"
	relay "$out" "seed $seed, $*"
	is "$status" 0 "seed $seed, $*: hogs ends with status 0" || diag "$err"
}

hogs 1 --memory 72M
hogs $((RANDOM * 2 + 1)) --memory 72M
hogs $((RANDOM * 2 + 1)) --memory 128M --harts 4
done_testing
