#!/bin/bash
# SPDX-License-Identifier: MIT
#
# syscalls.slow.t - run random sequences of system calls: on the host in QEMU, and, with all invariants
# checked after each call, on the host compiled for the build machine.
#
# usage: tests/syscalls/syscalls.slow.t [SEED]   SEED repeats a run; each run prints it
. "${HS_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"

program=$O/tests/syscalls/program
needs_built "$program"
seed=${1:-$(date +%s)}
diag "seed $seed"

on_the_host()	# TITLE SEQUENCES HS-OPTIONS...
{
	local title=$1 sequences=$2
	shift 2
	HS_SECONDS=400 hs exec --quiet "$@" "$program" "$sequences" "$seed"
	relay "$out" "$title"
	is "$status" 0 "$title: the program ends with status 0" || diag "$err"
	seed=$((seed + 1))
}

on_the_host "2 harts" 1000 --harts 2
on_the_host "4 harts" 500 --harts 4
on_the_host "little memory" 500 --harts 2 --memory 96M --boot hugepages=4
cd "$tmp" || exit 1
timeout "$(scaled 300)" "$O/tests/syscalls/syscalls" --random "$seed" 50000 >"$tmp/out" 2>&1
ok $? "50000 random sequences violate no invariant" || diag "seed $seed" "$(tail -n 20 "$tmp/out")"
done_testing
