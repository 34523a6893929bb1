#!/bin/bash
# SPDX-License-Identifier: MIT
#
# irqs-off.slow.t - no path keeps interrupts off for longer than its bound in
# scripts/irqs-off.bounds. Every workload is measured, and some are also measured with the recursive
# walker, without large leaves or on -cpu max.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
needs_plugin irqs_off

within()	# LABEL ARGS...: run irqs-off with these options and workloads
{
	local label=$1
	shift
	timeout --kill-after=5 "$(scaled 900)" "$HS_TOP/scripts/hyperscope" irqs-off --out "$O" --over 0 "$@" \
		>"$tmp/table" 2>"$tmp/err"
	ok $? "$label: every path is within its bound" || diag "$(tail -n 5 "$tmp/err")"
}

list=$("$HS_TOP/scripts/hyperscope" irqs-off --out "$O" --list)
status=$?
names=$(awk '/^[a-z]/ && $1 !~ /^(boot|broadcast)$/ { print $1 }' <<<"$list")
is "$status:$(($(wc -w <<<"$names") >= 10))" 0:1 "irqs-off --list names at least ten workloads" || diag "$list"
for name in $names; do
	within "$name" "$name"
done
if [ -f "$O/guest-initrd.cpio" ]; then
	within "boot of Debian's kernel" boot
fi
within "the recursive walker" --set gstage_walk=recursive sparse dense large slots
within "no large leaves" --set gstage_huge=off dense large
within "-cpu max" --cpu max sparse dense large slots vcpus process
done_testing
