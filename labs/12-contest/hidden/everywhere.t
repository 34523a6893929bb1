#!/bin/bash
# SPDX-License-Identifier: MIT
#
# everywhere.t - so they do on the long way, by other toggles, with more vCPUs; and the trace and the
# firmware counters tell of it.
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
options --boot exitstat=0 --set fastpath=off
payload exits
options --set switch=full --set gstage_walk=recursive
payload sbi
options --boot exitstat=0 --set timer=hrtimer --set mmio_decode=fetch
payload timer
payload mmio
options --boot exitstat=0 --cpu max
payload pmu
options --boot exitstat=0 --smp 4
payload harts rounds=10

# Calls that the trace tells of, of each kind: those that the guest has made.
calls()	# BUILD
{
	O=$1 hs run --quiet --icount --harts 1 --smp 1 --trace kvm_exit,kvm_entry,kvm_sbi_call \
		--boot "exitstat=0 trace.size=32M" \
		--append only=mix "$1/guest-payloads/bench.bin"
	"$1/hstrace" stat --by sbi "$HS_RUNS/last/trace" | awk '/^(BASE|TIME|IPI|RFENCE) / { print $1, $2, $3 }' | sort
}
want=$(calls "$HS_REFERENCE")
is "$(calls "$O")" "$want" "the trace has each call of the SBI"
like "$want" '[0-9]{4}' "... and there are some thousands"
done_testing
