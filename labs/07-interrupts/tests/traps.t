#!/bin/bash
# SPDX-License-Identifier: MIT
#
# traps.t - an exception that HS injects into the guest is the one that hardware would have raised
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
payload lab07_lines part=1
done_testing
