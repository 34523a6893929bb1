#!/bin/bash
# SPDX-License-Identifier: MIT
#
# requests.t - what is not on the disk is answered so, and changes nothing.
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
head -c 1M /dev/zero >"$tmp/disk"
options --disk "$tmp/disk"
payload lab11 part=requests
# What pread() and pwrite() refuse is answered as it should be, too, but had to be refused before.
is "$(grep -c ' at sector ' <<<"$err")" 0 "none of them was tried on the file all the same" ||
	grep -m 1 ' at sector ' <<<"$err" | sed 's/^/# /'
done_testing
