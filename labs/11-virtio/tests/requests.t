#!/bin/bash
# SPDX-License-Identifier: MIT
#
# requests.t - requests outside the disk get an error and change nothing
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
head -c 1M /dev/zero >"$tmp/disk"
options --disk "$tmp/disk"
payload lab11 part=requests
# If only pread() or pwrite() rejects a request, the guest gets the right status, but the VMM prints
# an error: the request should have been refused before it was tried.
is "$(grep -c ' at sector ' <<<"$err")" 0 "no refused request was tried on the file" ||
	grep -m 1 ' at sector ' <<<"$err" | sed 's/^/# /'
done_testing
