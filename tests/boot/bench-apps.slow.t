#!/bin/bash
# SPDX-License-Identifier: MIT
#
# bench-apps.slow.t - a whole guest stays within limits, most of which are the goals in
# docs/status.md. They limit the costs of booting, of fork and exec, and of applications relative to
# running without a VM, the costs of applications relative to Linux KVM, the number of exits other
# than MMIO exits with the UART as the console, and the number of all exits with DBCN as the
# console.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
fixes "the limits are for the default toggles" all
needs_built "$O/vmm" "$O/hyperscope.bin"
for file in guest/vmlinux guest-initrd.cpio; do
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

times()	# SYSTEM ROW SETTING: print hyperscope's figure as a multiple of SYSTEM's
{
	awk -F, -v other="$1" -v row="$2" -v setting="$3" '$2 == row && $1 == other { theirs = $8 }
		$2 == row && $1 == "hyperscope" && $3 == setting { ours = $8 }
		END { if (theirs && ours) printf "%.3f\n", ours / theirs }' "$tmp/csv"
}

for setting in default console=dbcn; do
	at_most 1.10 "$(times native boot "$setting")" "$setting: booting to a command, relative to native"
	at_most 1.10 "$(times native fork_exec "$setting")" "$setting: a warm fork and exec, relative to native"
done
at_most 1000 "$(awk '$1 == "besides" { print $3 }' "$tmp/out")" "exits other than MMIO exits during a boot and 400 forks and execs"
at_most 2500 "$(awk '$1 == "in" && $2 == "all" { print $4 }' "$tmp/out")" "all exits during a boot and 400 forks and execs, with DBCN as the console"

[ -d "$O/rt_tests" ] || {
	skip "workloads" "$O/rt_tests is missing: run scripts/hyperscope setup apps"
	done_testing
	exit
}
! qemu_breaks_linux_kvm || { skip "workloads" "$linux_kvm_is_broken"; done_testing; }
timeout "$(scaled 900)" "$HS_TOP/scripts/hyperscope" bench-apps --out "$O" --rows hackbench,cyclictest,files_tmpfs,blk,files_disk \
	--csv "$tmp/csv" >"$tmp/out" 2>"$tmp/err"
is "$?" 0 "the workloads run" || diag "$(tail -n 5 "$tmp/out" "$tmp/err")"
for row in hackbench cyclictest files_tmpfs; do
	at_most 1.15 "$(times native "$row" default)" "$row, relative to native"
done
for row in hackbench cyclictest blk files_disk; do
	at_most 1 "$(times linux "$row" default)" "$row, relative to Linux KVM"
done
done_testing
