#!/bin/bash
# SPDX-License-Identifier: MIT
#
# cost.t - check the answers on costs: they have to be within 5 % of the figures of a new benchmark
# run with this compiler, and each prediction has to be a number.
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
"$HS_TOP/scripts/hyperscope" bench --out "$O" --rows h_read,l2_call,l2_fault --csv "$tmp/csv" >"$tmp/said" 2>&1 || diag "$(<"$tmp/said")"
figure()	# ROW
{
	python3 -c 'import csv, sys
for row in csv.DictReader(open(sys.argv[1])):
    if row["exit"] == sys.argv[2]: print(row["p50"])' "$tmp/csv" "$1"
}
for name in call fault; do
	grep -qxE '0x[0-9a-f]+|[0-9]+(\.[0-9]+)?' <<<"$(answer predicted-cost-$name)"
	ok $? "predicted-cost-$name is a number"
done
answered cost-csr "$(figure h_read)" 5
answered cost-call "$(figure l2_call)" 5
answered cost-fault "$(figure l2_fault)" 5
done_testing
