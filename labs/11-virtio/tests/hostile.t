#!/bin/bash
# SPDX-License-Identifier: MIT
#
# hostile.t - after a ring that breaks the rules, the device needs a reset, and then serves requests
# again
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
head -c 1M /dev/zero >"$tmp/disk"
options --disk "$tmp/disk"
payload lab11_hostile
done_testing
