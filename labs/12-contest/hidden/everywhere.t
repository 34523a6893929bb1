#!/bin/bash
# SPDX-License-Identifier: MIT
#
# everywhere.t - everything works as before on the slow path, with other toggles and more vCPUs; the
# trace has each SBI call, and the firmware counters count it
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
options --boot exitstat=0 --vcpus 4
payload harts rounds=10

# Print how often each SBI call occurs in the trace of the benchmark's row "mix". The counts must
# equal those of the reference's build.
calls()	# BUILD
{
	O=$1 hs run --quiet --icount --harts 1 --vcpus 1 --trace kvm_exit,kvm_entry,kvm_sbi_call \
		--boot "exitstat=0 trace.size=32M" \
		--append only=mix "$1/guest-payloads/bench.bin"
	"$1/hstrace" stat --by sbi "$HS_RUNS/last/trace" | awk '/^(BASE|TIME|IPI|RFENCE) / { print $1, $2, $3 }' | sort
}
want=$(calls "$HS_REFERENCE")
is "$(calls "$O")" "$want" "the trace has as many of each SBI call as the reference's trace"
like "$want" '[0-9]{4}' "the trace has thousands of SBI calls"
done_testing
