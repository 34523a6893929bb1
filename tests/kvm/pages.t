#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Test guest memory of every kind of mapping while the host ages and moves it (pages); memory that
# the guest loads from before anything is stored there (zero_page); pages taken one by one (unmap,
# which is not for Linux); 64 VMs, with VMIDs of several widths (many); and four vCPUs that use their
# memory, or whose guests use it, while it is moved, protected, copied and dropped (stress).
# stress.slow.t runs many and stress for longer, with other numbers of harts and other toggles.
# memory-linux.slow.t runs all these programs on Linux KVM.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
. "$HS_TOP/tests/kvm/claims.sh"

hs exec --quiet --harts 2 "$O/tests/kvm/pages"
claims "pages"
# On hardware that does not set A bits, the first access to an old page causes a fault.
if qemu_older 10.0; then
	skip "pages, Svade" "this QEMU always sets A and D"
else
	hs exec --quiet --harts 2 --cpu rv64,svadu=off,svade=on --set gstage_walk=recursive \
		"$O/tests/kvm/pages"
	claims "pages, Svade"
fi
hs exec --quiet --harts 2 --set zero_page=1 "$O/tests/kvm/pages"
claims "pages, zero page"
for value in 0 1; do
	HS_SECONDS=90 hs exec --quiet --harts 2 --set zero_page=$value "$O/tests/kvm/zero_page"
	claims "zero_page=$value"
done
hs exec --quiet --harts 2 "$O/tests/kvm/unmap" running
claims "unmap, a running vCPU"
if [ "${HYPERSCOPE_KERNEL:-}" = debug ]; then
	for name in "other VMs" "other slots" "many areas"; do
		skip "unmap, $name" "the debug kernel executes more instructions"
	done
else
	hs exec --quiet --icount "$O/tests/kvm/unmap" vms
	claims "unmap, other VMs"
	hs exec --quiet --icount "$O/tests/kvm/unmap" slots
	claims "unmap, other slots"
	hs exec --quiet --icount "$O/tests/kvm/unmap" areas
	claims "unmap, many areas"
fi
hs exec --quiet --harts 2 "$O/tests/kvm/many" 5
claims "many"
HS_SECONDS=60 hs exec --quiet --harts 2 "$O/tests/kvm/stress" 25
claims "stress"
hs exec --quiet --harts 3 --boot kvm.vmid_bits=1 "$O/tests/kvm/stress" 25 1 nested
claims "stress, nested"
done_testing
