#!/bin/bash
# SPDX-License-Identifier: MIT
#
# bench-apps.slow.t - a whole guest costs what docs/bench.md says it may: its boot and its processes
# against no VM at all, and how often it exits, with the UART for its console and with DBCN.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
fixes "its figures are those of the defaults" all
for file in guest/vmlinux guest-initrd.cpio vmm; do
	[ -f "$O/$file" ] || skip_all "$O/$file is missing"
done
timeout "$(scaled 900)" "$HS_TOP/scripts/bench-apps" --out "$O" --rows boot,fork_exec --csv "$tmp/csv" \
	>"$tmp/out" 2>"$tmp/err"
is "$?" 0 "bench-apps runs" || diag "$(tail -n 5 "$tmp/out" "$tmp/err")"

at_most()	# LIMIT VALUE NAME
{
	awk -v most="$1" -v value="${2:-none}" 'BEGIN { exit !(value ~ /^[0-9.]+$/ && value + 0 <= most) }'
	ok $? "$3: ${2:-none}, at most $1"
}

x_native()	# ROW SETTING: hyperscope's figure, so many times the native one
{
	awk -F, -v row="$1" -v setting="$2" '$2 == row && $1 == "native" { native = $8 }
		$2 == row && $1 == "hyperscope" && $3 == setting { ours = $8 }
		END { if (native && ours) printf "%.3f\n", ours / native }' "$tmp/csv"
}

for setting in default console=dbcn; do
	at_most 1.10 "$(x_native boot "$setting")" "$setting: boot to a command, x native"
	at_most 1.10 "$(x_native fork_exec "$setting")" "$setting: fork and exec, warm, x native"
done
at_most 1000 "$(awk '$1 == "besides" { print $3 }' "$tmp/out")" "exits of a boot and 400 fork and exec, besides MMIO"
at_most 2500 "$(awk '$1 == "in" && $2 == "all" { print $4 }' "$tmp/out")" "... in all, with DBCN for a console"
done_testing
