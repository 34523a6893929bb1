#!/bin/bash
# SPDX-License-Identifier: MIT
#
# fences.t - which range a remote fence is for, what happens when a queue is full, what is counted, and
# that harts which run see what was changed.
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
options --icount --harts 3 --smp 6
payload lab09 part=ranges $(variant --line)
options --icount --harts 3 --smp 6 --trace kvm_fence_vvma
payload lab09_run part=running $(variant --line)
fences()	# VCPU ADDRESS
{
	"$O/hstrace" report --vcpu "$1" "$HS_RUNS/last/trace" 2>/dev/null | grep -c "gva=$2 "
}

# Of the page that both look at: 6 fences by each of the two functions, 6 by your own call. Of the
# other: vCPU 0 alone, by each of the three, then it and vCPU 1.
self=$(($(variant caller) ? 4 : 6))
for vcpu in 0 1 2; do
	is "$(fences $vcpu 0x2000000000)" $((vcpu > 0 ? 18 : 0)) \
		"the trace has each fence of that page on vCPU $vcpu, once"
	is "$(fences $vcpu 0x3000000000)" $((vcpu == 0 ? self : vcpu == 1 ? 3 : 0)) \
		"and each that vCPU 0 makes of itself, or of itself and vCPU 1, on vCPU $vcpu"
done
if "${QEMU:-qemu-system-riscv64}" -cpu help | grep -qw max; then
	options --icount --harts 3 --smp 6 --cpu max
	payload lab09_run part=counters $(variant --line)
else
	skip "firmware counters" "this QEMU has no processor with counters to lend"
fi
done_testing
