#!/bin/bash
# SPDX-License-Identifier: MIT
#
# vmids.t - 40 VMs take turns on one hart and on two, and there are 7 VMIDs: each is given in your
# variant's order, and a hart drops everything once for each generation that it comes to.
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
words="bits=3 $(variant --line)"
options --icount --harts 3 --smp 6 --boot kvm.vmid_bits=3 \
	--trace kvm_vmid_rollover,kvm_fence_gvma,kvm_fence_vvma
payload lab09_vmid $words
traced=$("$O/hstrace" report "$HS_RUNS/last/trace" 2>/dev/null)
[ -z "${HS_REFERENCE:-}" ] || run_sealed "$HS_REFERENCE" lab09_vmid $words
read -r rollovers drops vs < <(sed -nE \
	's/^# rollovers ([0-9]+), dropped: all ([0-9]+) and ([0-9]+), VS-stage ([0-9]+)$/\1 \2+\3+1 \4/p' <<<"$out")
is "$(grep -c 'kvm_vmid_rollover:' <<<"$traced")" "$rollovers" "so many generations begin as have to"
is "$(grep -c 'kvm_fence_gvma:.* vmid=0' <<<"$traced")" "$((drops))" \
	"each hart drops everything once in each that it comes to, and not more often"
# Besides, a vCPU does when it comes to a hart for the first time, or to another one.
count=$(grep -c 'kvm_fence_vvma: gva=0x0 size=0xffffffffffffffff' <<<"$traced")
[ "$count" -ge "$((vs))" ] && [ "$count" -le "$((vs + 100))" ]
ok $? "each vCPU drops what it may have left of the VS-stage, once in each generation" ||
	diag "$count times; expected $vs, and some at the beginning"
done_testing
