#!/bin/bash
# SPDX-License-Identifier: MIT
#
# list.t - your variant's fence call reaches the harts in its list, fences the right range and ASID,
# and returns the right answer
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
options --icount --harts 3 --vcpus 6
payload lab09_list $(variant --line)
done_testing
