#!/bin/bash
# SPDX-License-Identifier: MIT
#
# boots.t - a guest starts, runs and powers off, with the fast path and without it.
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
for fastpath in on off; do
	hs run --quiet --set fastpath=$fastpath hello
	is "$status" 0 "the guest comes to its end (fastpath=$fastpath)" || diag "$err"
	options --set fastpath=$fastpath
	payload timer
done
done_testing
