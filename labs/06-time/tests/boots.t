#!/bin/bash
# SPDX-License-Identifier: MIT
#
# boots.t - a guest starts, sets its timer, waits, and powers off.
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
boots timer=sstc
done_testing
