#!/bin/bash
# SPDX-License-Identifier: MIT
#
# vmids.t - 40 VMs that take turns on one hart and on two get the 7 VMIDs in your variant's order,
# and each hart drops everything once in each generation in which it loads a VM
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
words="bits=3 $(variant --line)"

# since EVENT: print how many of these events the trace has from the first rollover on. Earlier ones
# do not count: each hart drops everything when it loads its first VM.
since()
{
	awk -v event="$1" '/kvm_vmid_rollover:/ { on = 1 } on && $0 ~ event { n++ } END { print n + 0 }' <<<"$traced"
}

# within LEAST MOST GOT CLAIM: claim that GOT is between LEAST and MOST
within()
{
	[ "$3" -ge "$1" ] && [ "$3" -le "$2" ]
	ok $? "$4" || diag "in the trace: $3; expected: $1 to $2"
}

for harts in 1 3; do
	options --icount --harts $harts --vcpus 6 --boot kvm.vmid_bits=3 \
		--trace kvm_vmid_rollover,kvm_fence_gvma,kvm_fence_vvma
	payload lab09_vmid $words
	[ "$status" = 0 ]
	ok $? "harts: $harts: the run ends with status 0, so its trace is complete" || continue
	traced=$("$O/hstrace" report "$HS_RUNS/last/trace" 2>/dev/null)
	[ -z "${HS_REFERENCE:-}" ] || run_sealed "$HS_REFERENCE" lab09_vmid $words
	read -r rollovers first second vs < <(sed -nE \
		's/^# rollovers ([0-9]+), dropped: all ([0-9]+) and ([0-9]+), VS-stage ([0-9]+)$/\1 \2 \3 \4/p' <<<"$out")
	is "$(since kvm_vmid_rollover:)" "$rollovers" "harts: $harts: the trace has each rollover"
	dropped=$(since 'kvm_fence_gvma:.* vmid=0')
	if [ $harts = 1 ]; then
		is "$dropped" "$rollovers" "the hart drops everything once in each generation"
		continue
	fi
	# Allow for vCPUs that move to another hart or share one, which the payload does not count.
	within $((first + second - 4)) $((first + second + 4)) "$dropped" \
		"each hart drops everything once in each generation that it enters"
	within $((vs - 40)) $((vs + 100)) "$(since 'kvm_fence_vvma: gva=0x0 size=0xffffffffffffffff')" \
		"each vCPU drops its VS-stage translations once in each generation that it enters"
done
done_testing
