#!/bin/bash
# SPDX-License-Identifier: MIT
#
# requests.t - what is not on the disk is answered so, and changes nothing.
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
head -c 1M /dev/zero >"$tmp/disk"
options --disk "$tmp/disk"
payload lab11 part=requests
done_testing
