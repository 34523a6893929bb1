#!/bin/bash
# SPDX-License-Identifier: MIT
#
# figures.slow.t - some of the figures in notebooks-data/exit-latency.csv, from which the tables of
# the docs are made, and the walk-cost table in docs/toggles.md still hold for this tree. Both
# comparisons are skipped if the CSV was made with another QEMU, firmware or compiler.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
needs_built "$O/tests/kvm/bench_turns"
csv=$HS_TOP/notebooks-data/exit-latency.csv

timeout --kill-after=5 "$(scaled 300)" "$HS_TOP/scripts/hyperscope" bench --out "$O" --cpu both --csv "$tmp/csv" \
	--rows sbi_version,sbi_user,mmio_read,virtual_insn,fault_4k_present,fault_4k_fresh,run_vcpus \
	>"$tmp/out" 2>"$tmp/err"
is $? 0 "the rows are measured" || diag "$(cat "$tmp/err")"

# Print a line for each row: near, far or other (made with other tools), CPU, exit, the CSV's
# median, the new median.
python3 - "$csv" "$tmp/csv" >"$tmp/compared" <<'EOF'
import csv, sys
key = ("system", "exit", "toggles", "cpu")
made = ("qemu", "opensbi", "compiler")
old, new = ([row for row in csv.DictReader(open(path))] for path in sys.argv[1:])
old = {tuple(row[k] for k in key): row for row in old}
for row in new:
    was = old[tuple(row[k] for k in key)]
    same = all(row[k] == was[k] for k in made)
    near = abs(float(row["p50"]) - float(was["p50"])) <= 0.02 * float(was["p50"])
    print("other" if not same else "near" if near else "far", row["cpu"], row["exit"], was["p50"], row["p50"])
EOF
is $? 0 "each measured row is in the CSV"
if grep -q ^other "$tmp/compared"; then
	skip "the figures are within 2 % of the CSV's" "the CSV was made with another QEMU, firmware or compiler"
else
	[ "$(grep -c ^near "$tmp/compared")" = 14 ]
	ok $? "the figures are within 2 % of the CSV's (else run make bench and scripts/hyperscope figures --docs)" || diag "$(cat "$tmp/compared")"
fi

# Compare what `make walk-cost` prints with its table in docs/toggles.md.
HS_SECONDS=120 hs exec --quiet --icount "$O/tests/kvm/linear" gstage_walk iterative recursive
numbers()	# print the table's rows without column separators: a name, then its figures
{
	sed -nE '/^ *(fault, |dirty-log |age |unmap, |free )/s/[|]/ /gp' | sed -E 's/^ +//; s/ +/ /g'
}
numbers <<<"$out" >"$tmp/now"
sed -n '/make walk-cost/,/^Each figure/p' "$HS_TOP/docs/toggles.md" | numbers >"$tmp/page"
is "$(wc -l <"$tmp/now")" 7 "make walk-cost prints its table" || diag "$out" "$err"
if grep -q ^other "$tmp/compared"; then
	skip "the table in docs/toggles.md is within 2 % of the new measurement" "the figures were made with another QEMU, firmware or compiler"
else
	paste -d '|' "$tmp/page" "$tmp/now" | awk -F '|' '{
		n = split($1, a, " "); m = split($2, b, " ")
		if (n != m) bad = 1
		for (i = n - 3; i <= n; i++)
			if (b[i] - a[i] > a[i] * 0.02 + 1 || a[i] - b[i] > a[i] * 0.02 + 1) bad = 1
	} END { exit bad || NR != 7 }'
	ok $? "the table in docs/toggles.md is within 2 % of the new measurement (else copy the new table there)" || diag "$(paste -d '|' "$tmp/page" "$tmp/now")"
fi
done_testing
