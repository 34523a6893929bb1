#!/bin/bash
# SPDX-License-Identifier: MIT
#
# boots.t - a guest starts, calls the SBI, reads a device and powers off; by either world switch.
. "$HS_TOP/tests/lib/tap.sh"
for switch in minimal full; do
	hs run --quiet --set switch=$switch hello
	is "$status" 0 "the guest comes to its end (switch=$switch)" || diag "$err"
done
done_testing
