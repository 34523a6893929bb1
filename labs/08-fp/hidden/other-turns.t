#!/bin/bash
# SPDX-License-Identifier: MIT
#
# other-turns.t - the policies also work with turns drawn from the instructor's key, and with two
# vCPUs that have different policies
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
! spoils_redirects || skip_all "$spoiled_redirects"
options --harts 2 --vcpus 2 --set fp=lazy_trap
payload lab08 policy=2 mix=1 $(variant --line)
options --harts 2 --vcpus 2 --set fp=adaptive
payload lab08 policy=3 long=1 $(variant --line)
done_testing
