#!/bin/bash
# SPDX-License-Identifier: MIT
#
# recursive.t - guests run to completion with memory mapped by the recursive walker, and the tables
# are freed
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
. "$HS_TOP/labs/04-gstage/tests/freed.sh"
hs run --quiet --set gstage_walk=recursive hello
is "$status" 0 "the guest runs to completion" || diag "$err"
freed recursive
options --set gstage_walk=recursive --set gstage_huge=off
payload exits
done_testing
