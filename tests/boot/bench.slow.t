#!/bin/bash
# SPDX-License-Identifier: MIT
#
# bench.slow.t - benchmark rows, among them some that use two harts, a disk or KVM_RUN itself, give
# the same figures when they are measured twice, on every system including Linux KVM, and when
# hyperscope measure measures them. And bench-levels counts the exits of a guest's guest.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
needs_built "$O/tests/kvm/bench_turns"
! qemu_breaks_linux_kvm || skip_all "$linux_kvm_is_broken"

rows=sbi_version,mmio_read,mmio_ioeventfd,blk_read_4k,fault_4k_present,run_vms,ipi_pingpong
timeout --kill-after=5 "$(scaled 900)" "$HS_TOP/scripts/hyperscope" bench all --out "$O" --rows "$rows" --verify \
	--csv "$tmp/csv" --timeout "$(scaled 300)" >"$tmp/out" 2>"$tmp/err"
is $? 0 "two runs give the same figures" || diag "$(cat "$tmp/out" "$tmp/err")"
for system in hyperscope linux; do
	for row in ${rows//,/ }; do
		grep -qE "^$system,$row,[a-z_0-9=]+,rv64,instructions,[1-9]" "$tmp/csv"
		ok $? "the CSV has $system's row $row"
	done
done
# Measure in another folder, because a measurement replaces the previous one.
mkdir "$tmp/o"
ln -s "$O"/* "$tmp/o"
rm -f "$tmp/o/measure"
timeout --kill-after=5 "$(scaled 900)" "$HS_TOP/scripts/hyperscope" measure "bench:$rows" --out "$tmp/o" --csv "$tmp/measured" \
	--timeout "$(scaled 300)" >"$tmp/out" 2>"$tmp/err"
is $? 0 "hyperscope measure measures them on all systems" || diag "$(cat "$tmp/out" "$tmp/err")"
like "$(cat "$tmp/out")" '^mmio_read +instructions +[0-9.]+ +[0-9.]+ +[0-9.]+ +[0-9]+\.[0-9]{2}$' "the table has the ratio of hyperscope to Linux KVM"
same=$(python3 "$HS_TOP/tests/scripts/measured.py" "$tmp/csv" "$tmp/measured" 2>&1)
like "$same" '^17 figures and [0-9]+ exact medians are the same$' "the figures of hyperscope measure are those of the bench"

# ---- the exits to hyperscope that an exit of a guest's guest causes ----

if [ -f "$O/linux_newest/vmlinux" ]; then
	timeout --kill-after=5 "$(scaled 300)" "$HS_TOP/scripts/hyperscope" bench-levels --out "$O" --rows sbi_version --csv "$tmp/csv" \
		--timeout "$(scaled 100)" >"$tmp/out" 2>"$tmp/err"
	is $? 0 "bench-levels counts the exits of a guest's guest" || diag "$(cat "$tmp/out" "$tmp/err")"
	like "$(cat "$tmp/out")" '^sbi_version +2 +2 +1[0-9]$' "a call causes two exits, and ten or more if Linux does not use NACL"
	like "$(cat "$tmp/csv")" '^nested,sbi_version_exits,default,rv64,exits,1[0-9]{3},' "the CSV has them"
else
	skip "bench-levels" "the newest Linux is missing: run 'scripts/hyperscope setup linux-newest'"
fi
done_testing
