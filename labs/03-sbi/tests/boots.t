#!/bin/bash
# SPDX-License-Identifier: MIT
#
# boots.t - a guest starts, calls the SBI, reads a device and powers off.
. "$HS_TOP/tests/lib/tap.sh"
hs run --quiet hello
is "$status" 0 "the guest comes to its end" || diag "$err"
done_testing
