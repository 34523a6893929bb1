#!/bin/bash
# SPDX-License-Identifier: MIT
#
# own.t - your variant's rule for the polling window is right when it is called directly, for waits
# of every kind, and when waiting vCPUs use it
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
options --icount --harts 1
payload lab06_window part=rule vectors="$(variant vectors)"
options --icount --harts 1 --set poll_rule=own
payload lab06_window part=windows waits="$(variant waits)"
done_testing
