#!/bin/bash
# SPDX-License-Identifier: MIT
#
# other-pages.t - gstage_lab_path() is correct for pages drawn from the instructor's key, also with
# large leaves
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
options --set gstage_walk=iterative --set gstage_huge=off
payload lab04 $(variant --line)
options --set gstage_walk=recursive
payload lab04 huge=1 $(variant --line)
done_testing
