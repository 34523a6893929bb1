#!/bin/bash
# SPDX-License-Identifier: MIT
#
# yours.t - your variant's two requests work
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
head -c 1M /dev/zero >"$tmp/disk"
options --disk "$tmp/disk"
payload lab11_own $(variant --line)
done_testing
