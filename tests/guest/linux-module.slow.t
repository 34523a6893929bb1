#!/bin/bash
# SPDX-License-Identifier: MIT
#
# linux-module.slow.t - the module builds for Debian's kernel, and payloads, programs that test /dev/kvm
# and a VM with Debian's kernel run on it, without a warning of Linux.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
headers=$O/linux_headers/headers
[ -d "$headers" ] || skip_all "$headers is missing: run 'scripts/hyperscope setup linux-module'"

make -C "$HS_TOP" --no-print-directory O="$O" linux-module-only >"$tmp/make" 2>&1
is $? 0 "the module builds" || diag "$(tail -n 20 "$tmp/make")"
is "$(grep -c 'warning:' "$tmp/make")" 0 "the compiler has no warning" || diag "$(grep -A 3 'warning:' "$tmp/make" | head -n 20)"

# on_linux NAME OPTION... PROGRAM ARGUMENT...
on_linux()
{
	local name=$1
	out=$(timeout -s KILL "$(scaled 250)" "$HS_TOP/scripts/hyperscope" linux-kvm exec --hypervisor hyperscope \
		--out "$O" --timeout "$(scaled 200)" --log "$tmp/log" "${@:2}" </dev/null 2>"$tmp/err")
	status=$?
	relay "$out" "$name"
	is "$status" 0 "$name: status 0" || diag "$(tail -n 20 "$tmp/err")"
	is "$(grep -cE 'WARNING|BUG|Oops|panic:|stall' "$tmp/log")" 0 "$name: no warning of Linux" ||
		diag "$(grep -E -A 8 'WARNING|BUG|Oops|panic:|stall' "$tmp/log" | head -n 30)"
}

payloads="exits mmio mmio_hard fp harts timer sbi hostile"
files=()
for name in $payloads; do
	files+=(--file "$O/guest-payloads/$name.bin:/$name.bin")
done
cat >"$tmp/payloads.sh" <<-'END'
	failed=0
	for name; do
		echo "# payload $name"
		/vmm --no-sandbox --quiet --vcpus 2 --testdev /$name.bin || failed=1
	done
	exit $failed
END
on_linux payloads "${files[@]}" --file "$O/vmm:/vmm" --file "$tmp/payloads.sh:/payloads.sh" \
	"$O/guest/busybox" sh /payloads.sh $payloads
on_linux "fp=eager, gstage_walk=recursive" --set fp=eager --set gstage_walk=recursive \
	--file "$O/guest-payloads/fp.bin:/fp.bin" "$O/vmm" --no-sandbox --quiet --vcpus 2 /fp.bin

# stats is left out: it needs /sys/module/kvm/parameters and /sys/kernel/debug/kvm.
programs="errors caps ring run regs reset ids lacks debug bus edges sbi lazy_put logged tally fp lifecycle"
files=()
for name in $programs; do
	files+=(--file "$O/tests/kvm-api/$name:/kvm/$name")
done
# shellcheck disable=SC2046
on_linux kvm-api "${files[@]}" "$O/tests/linux-abi/suite" $(printf '/kvm/%s ' $programs)
done_testing
