#!/bin/bash
# SPDX-License-Identifier: MIT
#
# bench-apps.slow.t - a whole guest stays within the limits of docs/bench.md: its boot and its processes,
# compared with no VM at all, the number of its exits, with the UART and with DBCN as its console, and
# applications, compared with Linux KVM.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
fixes "its figures are those of the defaults" all
for file in guest/vmlinux guest-initrd.cpio vmm; do
	[ -f "$O/$file" ] || skip_all "$O/$file is missing"
done
timeout "$(scaled 900)" "$HS_TOP/scripts/hyperscope" bench-apps --out "$O" --rows boot,fork_exec --csv "$tmp/csv" \
	>"$tmp/out" 2>"$tmp/err"
is "$?" 0 "bench-apps runs" || diag "$(tail -n 5 "$tmp/out" "$tmp/err")"

at_most()	# LIMIT VALUE NAME
{
	awk -v most="$1" -v value="${2:-none}" 'BEGIN { exit !(value ~ /^[0-9.]+$/ && value + 0 <= most) }'
	ok $? "$3: ${2:-none}, at most $1"
}

times()	# SYSTEM ROW SETTING: hyperscope's figure as a multiple of that system's
{
	awk -F, -v other="$1" -v row="$2" -v setting="$3" '$2 == row && $1 == other { theirs = $8 }
		$2 == row && $1 == "hyperscope" && $3 == setting { ours = $8 }
		END { if (theirs && ours) printf "%.3f\n", ours / theirs }' "$tmp/csv"
}

for setting in default console=dbcn; do
	at_most 1.10 "$(times native boot "$setting")" "$setting: boot to a command, x native"
	at_most 1.10 "$(times native fork_exec "$setting")" "$setting: fork and exec, warm, x native"
done
at_most 1000 "$(awk '$1 == "besides" { print $3 }' "$tmp/out")" "exits of a boot and 400 fork and exec, besides MMIO"
at_most 2500 "$(awk '$1 == "in" && $2 == "all" { print $4 }' "$tmp/out")" "... in all, with DBCN for a console"

[ -d "$O/rt_tests" ] || {
	skip "workloads" "$O/rt_tests is missing: scripts/hyperscope setup apps"
	done_testing
	exit
}
timeout "$(scaled 900)" "$HS_TOP/scripts/hyperscope" bench-apps --out "$O" --rows hackbench,cyclictest,files_tmpfs,blk,files_disk \
	--csv "$tmp/csv" >"$tmp/out" 2>"$tmp/err"
is "$?" 0 "the workloads run" || diag "$(tail -n 5 "$tmp/out" "$tmp/err")"
for row in hackbench cyclictest files_tmpfs; do
	at_most 1.15 "$(times native "$row" default)" "$row, x native"
done
for row in hackbench cyclictest blk files_disk; do
	at_most 1 "$(times linux "$row" default)" "$row, x Linux KVM"
done
done_testing
