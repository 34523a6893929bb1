#!/bin/bash
# SPDX-License-Identifier: MIT
#
# perf.t - Debian's kernel finds the PMU and counts with it, as perf would: hardware and firmware
# events, events in user mode only, several events at once, and overflows. Instruction counts are
# exact only under --icount. Time-out: 300 seconds.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
fixes "a guest with IMSICs makes no SBI calls for IPIs and remote fences, which the test counts" irqchip
. "$HS_TOP/tests/boot/perf.sh"
HS_SECONDS=240

sscofpmf=--sscofpmf
if spoils_redirects; then
	sscofpmf=
	skip "filters and samples" "$no_lcofi"
fi
perf_initrd "$tmp/initrd" $sscofpmf --exact
hs run --cpu max --vcpus 2 --icount --initrd "$tmp/initrd" --append "console=ttyS0 quiet"
is "$status" 0 "the guest ends with status 0" || diag "$out" "$err"
report_perf "$out" $sscofpmf

# The default CPU has no Sscofpmf. Without it, counters cannot tell the guest's work from the
# host's, so the guest has no SBI PMU.
hs run --vcpus 1 --append "console=ttyS0 quiet" --command 'dmesg | grep -i pmu'
unlike "$out" "SBI PMU extension is available" "without Sscofpmf, the guest is not offered a PMU"
like "$out" "Legacy PMU implementation is available" "without Sscofpmf, the guest uses its legacy PMU driver"
done_testing
