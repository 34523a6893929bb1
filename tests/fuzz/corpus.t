#!/bin/bash
# SPDX-License-Identifier: MIT
#
# corpus.t - each fuzz target over its corpus, and over damaged copies of it, under ASan and UBSan.
# What a fuzzer once found and what it then learned is in there; make fuzz goes on from it.
. "${HS_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"

for corpus in "$HS_TOP"/tests/fuzz/corpus/*/; do
	target=$(basename "$corpus")
	program=$O/tests/fuzz/$target
	needs_built "$program"
	"$program" 2 "$corpus"/* >"$tmp/out" 2>&1
	ok $? "$target: $(find "$corpus" -type f | wc -l) inputs, each whole and damaged twice" ||
		diag "$(tail -n 30 "$tmp/out")"
done
is "$(find "$HS_TOP/tests/fuzz/corpus" -type f -printf '%s\n' | awk '{ n += $1 } END { print n < 102400 }')" 1 \
	"the corpora are small: below 100 KiB"
done_testing
