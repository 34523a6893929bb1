#!/bin/bash
# SPDX-License-Identifier: MIT
#
# recursive.t - guests run to completion with memory mapped by the recursive walker
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
hs run --quiet --set gstage_walk=recursive hello
is "$status" 0 "the guest runs to completion, and its tables are freed" || diag "$err"
options --set gstage_walk=recursive --set gstage_huge=off
payload exits
done_testing
