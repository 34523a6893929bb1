#!/bin/bash
# SPDX-License-Identifier: MIT
#
# other-requests.t - the variant's requests also work for sectors and parameters drawn from the
# instructor's key
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
head -c 1M /dev/zero >"$tmp/disk"
options --disk "$tmp/disk"
payload lab11_own $(variant --line)
done_testing
