#!/bin/bash
# SPDX-License-Identifier: MIT
#
# hostile.t - after a driver has broken the rules of a ring, the device does nothing until it is
# reset; after the reset, it serves requests again
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
head -c 1M /dev/zero >"$tmp/disk"
options --disk "$tmp/disk"
payload lab11_hostile
done_testing
