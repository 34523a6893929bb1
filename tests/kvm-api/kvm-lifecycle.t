#!/bin/bash
# SPDX-License-Identifier: MIT
#
# kvm-lifecycle.t - many VMs are closed in any order, processes of VMs are killed and stopped, and
# threads make random calls at the same time, but nothing is leaked.
#
# This test makes a few hundred VMs, and kvm-lifecycle.slow.t makes more than 10 000. Both run the
# programs lifecycle, storm and random, which also pass on Linux KVM.
. "${HS_TOP:-$(dirname "$0")/../..}/tests/lib/tap.sh"

run()	# TITLE PROGRAM ARGUMENTS HS-OPTIONS...
{
	local title=$1 program=$2 arguments=$3
	shift 3
	HS_SECONDS=${seconds:-60} hs exec --quiet --env HS_EXACT=1 "$@" \
		"$O/tests/kvm-api/$program" $arguments
	relay "$out" "$title"
	is "$status" 0 "$title: the program exits with status 0" || diag "$err"
}

if [ -n "${slow:-}" ]; then
	seconds=1500
	diag "seed $seed"
	run "all orders" lifecycle 5040 --harts 3
	run "10 000 VMs" storm 10000 --harts 4
	run "2000 VMs, VMIDs of 1 bit" storm "2000 3" --harts 2 --boot kvm.vmid_bits=1
	run "1000 VMs, other toggles" storm "1000 4" --harts 2 --set gstage_walk=recursive \
		--set gstage_huge=off --set vmid=flush
	run "random VMMs, 2 harts" random "300 $seed" --harts 2
	run "random VMMs, 4 harts, little memory" random "300 $((seed + 1000)) 6" --harts 4 --memory 128M
else
	run "3 harts" lifecycle 100 --harts 3
	run "3 harts" storm 200 --harts 3
	run "VMIDs of 2 bits" storm "60 5" --harts 2 --boot kvm.vmid_bits=2
	run "random VMMs" random 5 --harts 2
fi
done_testing
