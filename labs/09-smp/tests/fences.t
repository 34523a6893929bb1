#!/bin/bash
# SPDX-License-Identifier: MIT
#
# fences.t - remote fences cover their range, work with a full queue, are counted, and make running
# harts see a changed mapping
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
options --icount --harts 3 --vcpus 6
payload lab09 part=ranges $(variant --line)
options --icount --harts 3 --vcpus 6 --trace kvm_fence_vvma
payload lab09_run part=running $(variant --line)
fences()	# VCPU ADDRESS
{
	"$O/hstrace" report --vcpu "$1" "$HS_RUNS/last/trace" 2>/dev/null | grep -c "gva=$2 "
}

# The page from which both harts load is fenced 6 times with each of the two SBI functions and with
# your own call. The other page is fenced once with each of the three, first on vCPU 0 only, then on
# vCPUs 0 and 1. If your variant's call leaves out the caller, it does not fence vCPU 0.
self=$(($(variant caller) ? 4 : 6))
for vcpu in 0 1 2; do
	is "$(fences $vcpu 0x2000000000)" $((vcpu > 0 ? 18 : 0)) \
		"the trace shows the expected number of fences of the shared page on vCPU $vcpu"
	is "$(fences $vcpu 0x3000000000)" $((vcpu == 0 ? self : vcpu == 1 ? 3 : 0)) \
		"the trace shows the expected number of fences of the other page on vCPU $vcpu"
done
if "${QEMU:-qemu-system-riscv64}" -cpu help | grep -qw max; then
	options --icount --harts 3 --vcpus 6 --cpu max
	payload lab09_run part=counters $(variant --line)
else
	skip "firmware counters" "this QEMU has no processor with counters for guests"
fi
done_testing
