#!/bin/bash
# SPDX-License-Identifier: MIT
#
# boots.t - a guest starts, calls the SBI, waits and powers off; by either world switch.
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
for switch in minimal full; do
	boots switch=$switch
done
done_testing
