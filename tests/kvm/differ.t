#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Two VMs of one host that differ in the toggles of page tables, fences and VMIDs give the same
# results for the same random steps. differ.slow.t makes more steps, and tries each value of each
# toggle.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
. "$HS_TOP/tests/kvm/claims.sh"

HS_SECONDS=60 hs exec --quiet "$O/tests/kvm/differ" 3000 1 gstage_walk=recursive
claims "recursive"
HS_SECONDS=60 hs exec --quiet --cpu max "$O/tests/kvm/differ" 3000 2 gstage_walk=recursive \
	gstage_huge=off tlb_flush=all vmid=flush
claims "recursive, 4 KiB, whole fences, no VMIDs"
HS_SECONDS=60 hs exec --quiet --set gstage_huge=off --set gstage_walk=recursive \
	"$O/tests/kvm/differ" 2000 3 gstage_huge=on tlb_flush=all
claims "both recursive, one with 4 KiB leaves"
done_testing
