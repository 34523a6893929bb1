#!/bin/bash
# SPDX-License-Identifier: MIT
#
# A guest's memory while user space changes it: what Linux KVM says to the same program.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
. "$HS_TOP/tests/kvm/claims.sh"

for f in vmlinux busybox modules/kvm.ko; do
	[ -f "$O/guest/$f" ] || skip_all "$O/guest/$f is missing: set-up could not fetch it"
done
out=$(timeout --kill-after=5 "$(scaled 90)" "$HS_TOP/scripts/linux-kvm" exec \
	"$O/tests/kvm/memory" </dev/null 2>"$tmp/err")
status=$?
out=$(tr -d '\0\r' <<<"$out")
err=$(tail -n 3 "$tmp/err")
claims "Linux KVM"
done_testing
