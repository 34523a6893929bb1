#!/bin/bash
# SPDX-License-Identifier: MIT
#
# boots.t - a guest starts, takes interrupts, waits and powers off
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
boots wfi=trap
done_testing
