#!/bin/bash
# SPDX-License-Identifier: MIT
#
# boots.t - a guest starts, runs and powers off, its memory mapped by the iterative walker.
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
hs run --quiet --set gstage_walk=iterative hello
is "$status" 0 "the guest comes to its end" || diag "$err"
options --set gstage_walk=iterative
payload timer
done_testing
