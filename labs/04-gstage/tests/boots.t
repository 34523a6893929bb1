#!/bin/bash
# SPDX-License-Identifier: MIT
#
# boots.t - a guest starts, runs and powers off, its memory mapped by the iterative walker.
. "$HS_TOP/tests/lib/tap.sh"
hs run --quiet --set gstage_walk=iterative hello
is "$status" 0 "the guest comes to its end" || diag "$err"
done_testing
