#!/bin/bash
# SPDX-License-Identifier: MIT
#
# hogs.slow.t - programs take all memory, in many ways, with random sizes, up to three at once, beside one
# that takes little: it survives, with its memory intact, and all memory is freed.
#
# A failure is repeated by its seed: scripts/hyperscope exec --ram 72M build/tests/linux-abi/hogs 90 SEED
. "${HS_TOP:-$(dirname "$0")/../..}/tests/lib/tap.sh"

hogs()	# SEED OPTIONS...
{
	local seed=$1
	shift
	HS_SECONDS=300 hs exec --quiet --env HS_EXACT=1 "$@" "$O/tests/linux-abi/hogs" 90 "$seed"
	relay "$out" "seed $seed, $*"
	is "$status" 0 "seed $seed, $*: it ends well" || diag "$err"
}

hogs 1 --ram 72M
hogs $((RANDOM * 2 + 1)) --ram 72M
hogs $((RANDOM * 2 + 1)) --ram 128M --harts 4
done_testing
