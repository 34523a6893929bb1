#!/bin/bash
# SPDX-License-Identifier: MIT
#
# boots.t - a guest starts, uses its memory, sleeps until its timer, and powers off
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
boots fp=lazy_trap
done_testing
