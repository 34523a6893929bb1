#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What `make bench` stands on: under --icount a run repeats to the byte, and the figures are made of
# instructions. No figure is judged here.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
[ -f "$O/vmm" ] || skip_all "$O/vmm is missing"

for n in 1 2; do
	hs run --quiet --icount hello
	is $status 0 "hello runs with --icount, run $n" || diag "$err"
	mv "$tmp/out" "$tmp/hello.$n"
done
cmp -s "$tmp/hello.1" "$tmp/hello.2"
ok $? "two such runs print the same bytes, times included" || diag "$(diff "$tmp"/hello.[12])"

for n in 1 2; do
	timeout --kill-after=5 "$(scaled 60)" "$HS_TOP/tests/qemu/bench" hyperscope --out "$O" \
		--append only=mmio_read --csv "$tmp/csv.$n" >"$tmp/table.$n" 2>"$tmp/err"
	is $? 0 "bench measures one operation, run $n" || diag "$(cat "$tmp/err")"
done
cmp -s "$tmp/csv.1" "$tmp/csv.2"
ok $? "twice the same figures" || diag "$(diff "$tmp"/csv.[12])"
like "$(cat "$tmp/csv.1")" '^hyperscope,mmio_read,instructions,16384,' "in instructions"
like "$(cat "$tmp/table.1")" '^mmio_read +[0-9]+\.[0-9]+$' "and prints a table"

"$HS_TOP/tests/qemu/bench" nonsense >"$tmp/out" 2>"$tmp/err"
is $? 2 "an unknown system is refused"
like "$(cat "$tmp/err")" "unknown system 'nonsense'" "by its name"
done_testing
