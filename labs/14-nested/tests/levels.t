#!/bin/bash
# SPDX-License-Identifier: MIT
#
# levels.t - compare the answers on exits to L0 with the trace of a new run, and check that each
# prediction is a number
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
HS_SECONDS=60 hs run --nested --icount --harts 1 --vcpus 1 --trace 'kvm_*' "$O/guest-payloads/l1.bin"
is "$status" 0 "your variant's L1 runs" || diag "$err"
"$O/hstrace" levels "$tmp/runs/last/trace" >"$tmp/levels" 2>&1
# In both tables of hstrace levels, the third column is the mean number of exits to L0, or the second the
# number of exits of L2. An interrupt of the host may add a fraction to a mean.
mean()	# CAUSE: of an exit that L1 handles, or 1 if L1 handles none
{
	sed '/^handled by L0/,$d' "$tmp/levels" | awk -v cause="$1" '$1 == cause { n = $3 } END { printf "%d\n", n + 0.5 }' | sed 's/^0$/1/'
}
for name in call fault wait misses; do
	grep -qxE '0x[0-9a-f]+|[0-9]+(\.[0-9]+)?' <<<"$(answer predicted-$name)"
	ok $? "predicted-$name is a number"
done
answered measured-call "$(mean ecall_vs)"
answered measured-fault "$(mean load_guest_page_fault)"
answered measured-wait "$(mean virtual_inst)"
answered measured-misses "$(sed '1,/^handled by L0/d' "$tmp/levels" |
	awk '/^[a-z]*_guest_page_fault / { n += $2 } END { print n + 0 }')"
done_testing
