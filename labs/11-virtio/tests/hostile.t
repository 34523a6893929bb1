#!/bin/bash
# SPDX-License-Identifier: MIT
#
# hostile.t - rings that break the rules: the device needs a reset, and serves again after it
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
head -c 1M /dev/zero >"$tmp/disk"
options --disk "$tmp/disk"
payload lab11_hostile
done_testing
