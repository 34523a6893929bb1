#!/bin/bash
# SPDX-License-Identifier: MIT
#
# cost.t - check the answers on costs: they have to be within 5 % of the figures of a new benchmark
# run with this compiler.
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
"$HS_TOP/scripts/hyperscope" bench --out "$O" --rows sbi_version --toggle fastpath --csv "$tmp/csv" >"$tmp/said" 2>&1 || diag "$(<"$tmp/said")"
figure()	# TOGGLES
{
	python3 -c 'import csv, sys
for row in csv.DictReader(open(sys.argv[1])):
    if row["toggles"] == sys.argv[2]: print(row["p50"])' "$tmp/csv" "$1"
}
answered cost-fast "$(figure default)" 5
answered cost-slow "$(figure fastpath=off)" 5
done_testing
