#!/bin/bash
# SPDX-License-Identifier: MIT
#
# equal.t - random programs have the same outcome in a VM of this tree as on the bare machine
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
"$HS_TOP/scripts/hyperscope" equivalence --out "$O" --count 300 --failures 0 --quiet \
	--timeout "$(scaled 60)" >"$tmp/said" 2>&1
is $? 0 "300 random programs have equal outcomes" || diag "$(tail -n 3 "$tmp/said")"
done_testing
