#!/bin/bash
# SPDX-License-Identifier: MIT
#
# boots.t - a guest reads and writes its disk with everyday requests
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
head -c 1M /dev/zero >"$tmp/disk"
options --disk "$tmp/disk"
payload lab11 part=basic
done_testing
