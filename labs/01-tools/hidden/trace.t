#!/bin/bash
# SPDX-License-Identifier: MIT
#
# trace.t - check the answers that were found in the trace. The ID of the SBI extension that does
# not exist is computed from the first number of the variant's sequence; the other answers are taken
# from the trace of a new run.
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
. "$(dirname "$0")/numbers.sh"
HS_SECONDS=60 hs run --icount "$O/guest-payloads/tools.bin"
is "$status" 0 "the guest runs" || diag "$err"
events()	# EVENT FIELD: print the field's values in order
{
	"$O/hstrace" report --events "$1" "$tmp/runs/last/trace" | grep -v '^#' | sed -n "s/.* $2=\([^ ]*\).*/\1/p"
}
answered trace-extension "$(printf '0x%x' $((0x0a000000 + $(numbers 1) % 65536)))"
answered trace-uart-last "$("$O/hstrace" report --events kvm_mmio "$tmp/runs/last/trace" |
	sed -n 's/.*type=write .*gpa=0x10000007 val=\([^ ]*\).*/\1/p' | tail -n 1)"
answered trace-last-page "$(events gstage_map gpa | tail -n 1)"
done_testing
