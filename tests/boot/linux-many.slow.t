#!/bin/bash
# SPDX-License-Identifier: MIT
#
# linux-many.slow.t - Debian's kernel runs on 1 to 8 vCPUs on 1 to 8 harts.
. "${HS_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
HS_SECONDS=300
[ -f "$O/guest-initrd.cpio" ] || skip_all "there is no guest kernel: set-up could not fetch it"
for pair in "8 8" "8 1" "1 8" "3 2" "8 3"; do
	read -r vcpus harts <<<"$pair"
	hs run --vcpus "$vcpus" --harts "$harts" --append "console=ttyS0 quiet" --command 'nproc; exit 3'
	is "$status/$(grep -E '^[0-9]+.?$' <<<"$out" | tr -d '\r')" "3/$vcpus" "Debian's kernel runs on $vcpus vCPUs on $harts harts" ||
		diag "$(tail -n 20 <<<"$out")" "$(tail -n 5 <<<"$err")"
done
done_testing
