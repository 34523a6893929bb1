#!/bin/bash
# SPDX-License-Identifier: MIT
#
# boots.t - a guest starts, runs and powers off, with one vCPU and with four
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
for smp in 1 4; do
	hs run --quiet --vcpus $smp hello
	is "$status" 0 "the guest runs to completion (vCPUs: $smp)" || diag "$err"
done
payload timer
done_testing
