#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Guest memory of every kind of mapping, aged and moved by the host; 64 VMs with VMIDs of any width;
# and four vCPUs that run while their memory is moved, protected, copied and dropped. stress.slow.t
# runs the last program for longer, on more machines. memory-linux.slow.t runs the same programs on
# Linux KVM.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
. "$HS_TOP/tests/kvm/claims.sh"

hs exec --quiet --harts 2 "$O/tests/kvm/pages"
claims "pages"
# Hardware that does not set A bits: the first access to an old page is a fault.
if qemu_older 10.0; then
	skip "pages, Svade" "this QEMU always sets A and D"
else
	hs exec --quiet --harts 2 --cpu rv64,svadu=off,svade=on --set gstage_walk=recursive \
		"$O/tests/kvm/pages"
	claims "pages, Svade"
fi
hs exec --quiet --harts 2 "$O/tests/kvm/many" 5
claims "many"
HS_SECONDS=60 hs exec --quiet --harts 2 "$O/tests/kvm/stress" 25
claims "stress"
done_testing
