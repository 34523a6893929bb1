#!/bin/bash
# SPDX-License-Identifier: MIT
#
# own.t - fp=adaptive expects the guest to use FP when your variant's rule says so
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
! spoils_redirects || skip_all "$spoiled_redirects"
options --harts 2 --vcpus 2 --set fp=adaptive
payload lab08 policy=3 long=1 $(variant --line)
done_testing
