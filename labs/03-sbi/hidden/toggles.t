#!/bin/bash
# SPDX-License-Identifier: MIT
#
# toggles.t - SBI calls work on the slow path, with switch=full and with events on, and the trace
# shows the calls that return the variant's error
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
options --set fastpath=off
payload sbi
payload exits
options --set switch=full
payload exits
payload lab03 $(variant --line)
options --set fastpath=off --trace kvm_sbi_call,kvm_sbi_return
payload lab03 $(variant --line)
error=$(variant error)
told=$(grep -c "kvm_sbi_return.*ext=$(printf '0x%x' "$(variant ext)").*error=${error#SBI_ERR_}" \
	<("$O/hstrace" report "$HS_RUNS/last/trace"))
is "$told" 3 "the trace has the three calls that are answered with the variant's error"
done_testing
