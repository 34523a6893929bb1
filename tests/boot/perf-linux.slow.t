#!/bin/bash
# SPDX-License-Identifier: MIT
#
# perf-linux.slow.t - the claims of tests/boot/perf.t about a guest's counters hold on Linux KVM, and on
# Linux with the module; those of the payload pmu, on Linux KVM.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
! qemu_breaks_linux_kvm || skip_all "$linux_kvm_is_broken"
. "$HS_TOP/tests/boot/perf.sh"
. "$HS_TOP/tests/guest/payloads.sh"

perf_initrd "$tmp/initrd" --sscofpmf --exact

count_on()	# NAME OPTION...
{
	local name=$1
	shift
	out=$(timeout "$(scaled 400)" "$HS_TOP/scripts/hyperscope" linux-kvm exec "$@" --out "$O" --cpu max --icount --log "$tmp/log" \
		--file "$O/guest/vmlinux" --file "$tmp/initrd" "$O/vmm" --no-sandbox --quiet --vcpus 2 --initrd /initrd \
		--append "console=ttyS0 quiet" /vmlinux </dev/null 2>"$tmp/err")
	is $? 0 "$name: perfcount ends with status 0" || diag "$out" "$(tail -n 20 "$tmp/err")"
	report_perf "$out" --sscofpmf
}
count_on "kvm.ko"
if [ -f "$O/hyperscope.ko" ]; then
	count_on "hyperscope.ko" --hypervisor hyperscope
	no_warning "hyperscope.ko"
else
	skip "hyperscope.ko" "run 'make linux-module'"
fi

vm "pmu" pmu
boot linux --cpu max
done_testing
