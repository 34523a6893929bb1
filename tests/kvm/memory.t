#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Test a guest's memory while user space changes it, on hyperscope: once with the default toggles,
# and once with the other value of each relevant toggle. memory-linux.slow.t runs the same program
# on Linux KVM.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
. "$HS_TOP/tests/kvm/claims.sh"

hs exec --quiet --harts 2 "$O/tests/kvm/memory"
claims "default toggles"
hs exec --quiet --harts 2 --set gstage_walk=recursive --set gstage_huge=off --set vmid=flush \
	--set tlb_flush=all --set mmio_decode=fetch "$O/tests/kvm/memory"
claims "recursive, 4 KiB, no VMIDs, whole fences, fetch"
done_testing
