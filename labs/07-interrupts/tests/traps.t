#!/bin/bash
# SPDX-License-Identifier: MIT
#
# traps.t - exceptions that HS injects into the guest
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
payload lab07_lines part=1
done_testing
