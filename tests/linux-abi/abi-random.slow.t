#!/bin/bash
# SPDX-License-Identifier: MIT
#
# abi-random.slow.t - run programs of tests/linux-abi that take random steps, for one to two minutes
# each.
#
# The programs `timers` and `directories` print their seeds. To run one again with the same steps:
# scripts/hyperscope exec --harts HARTS build/tests/linux-abi/NAME 70 SEED
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"

at_random()	# NAME HARTS SECONDS
{
	HS_SECONDS=$((2 * $3 + 60)) hs exec --quiet --harts "$2" "$O/tests/linux-abi/$1" "$3"
	relay "$out" "$1, $2 harts"
	is "$status" 0 "$1, $2 harts: the program ends with status 0" || diag "$(grep '^# seed' <<<"$out") $err"
}

for harts in 2 4; do
	at_random timers $harts 70
	at_random directories $harts 70
	at_random file_race $harts 140
done
done_testing
