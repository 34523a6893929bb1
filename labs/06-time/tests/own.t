#!/bin/bash
# SPDX-License-Identifier: MIT
#
# own.t - your variant's rule for the window: called directly for waits of every kind, then used by
# vCPUs that wait
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
options --icount --harts 1
payload lab06_window part=rule vectors="$(variant vectors)"
options --icount --harts 1 --set poll_rule=own
payload lab06_window part=windows waits="$(variant waits)"
done_testing
