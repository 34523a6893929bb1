#!/bin/bash
# SPDX-License-Identifier: MIT
#
# boots.t - a guest starts, calls the SBI, waits and powers off; by either world switch.
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
for switch in minimal full; do
	hs run --quiet --set switch=$switch hello
	is "$status" 0 "the guest comes to its end (switch=$switch)" || diag "$err"
	options --set switch=$switch
	payload timer
done
done_testing
