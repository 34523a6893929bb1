#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Four vCPUs run while the host moves, protects, copies and drops their memory, for longer than in
# pages.t: on one to four harts, with each relevant toggle, with VMIDs that run out, and with time
# counted in instructions, so that QEMU switches between harts at other points. The same in a guest's
# guest. Also run many (64 VMs) for longer.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
. "$HS_TOP/tests/kvm/claims.sh"

seed=100 HS_SECONDS=60
stress()	# LABEL OPTION...; `what`: further arguments of the program
{
	local label=$1
	shift
	seed=$((seed + 1))
	hs exec --quiet "$@" "$O/tests/kvm/stress" 80 $seed "${what[@]}"
	claims "$label${what[0]:+, ${what[0]}}"
}

for words in "" nested; do
	read -ra what <<<"$words"
	stress "1 hart" --harts 1
	stress "2 harts" --harts 2
	stress "4 harts" --harts 4
	stress "recursive" --harts 3 --set gstage_walk=recursive
	stress "4 KiB leaves" --harts 3 --set gstage_huge=off
	stress "no VMIDs" --harts 3 --set vmid=flush
	stress "VMIDs of 1 bit" --harts 3 --boot kvm.vmid_bits=1
	hs exec --quiet --harts 2 --icount "$O/tests/kvm/stress" 40 7 "${what[@]}"
	claims "icount${words:+, $words}"
done
stress "protected tables" --harts 3 --set shadow=protect
stress "protected tables, VMIDs of 1 bit" --harts 3 --set shadow=protect --boot kvm.vmid_bits=1
what=()
stress "whole fences" --harts 3 --set tlb_flush=all
stress "ranges without Svinval" --harts 3 --cpu max,svinval=off
stress "ranges with Svinval" --harts 3 --cpu max
if qemu_older 10.0; then
	skip "A bits by faults" "this QEMU always sets A and D"
else
	stress "A bits by faults" --harts 3 --cpu rv64,svadu=off,svade=on
fi
hs exec --quiet --harts 4 "$O/tests/kvm/many" 40
claims "many, 4 harts"
hs exec --quiet --harts 1 "$O/tests/kvm/many" 10
claims "many, 1 hart"
done_testing
