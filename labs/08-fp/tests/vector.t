#!/bin/bash
# SPDX-License-Identifier: MIT
#
# vector.t - if harts have a vector unit, the vector registers are moved by the same rules as the FP
# registers
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
number=0
for policy in eager lazy_save lazy_trap; do
	! { [ $policy = lazy_trap ] && spoils_redirects; } || continue
	under "fp=$policy"
	options --cpu rv64,v=on --harts 1 --vcpus 2 --set fp=$policy --set halt_poll_ns=0
	payload vector
	options --cpu rv64,v=on --harts 2 --vcpus 2 --set fp=$policy
	payload lab08 policy=$((number++))
done
done_testing
