#!/bin/bash
# SPDX-License-Identifier: MIT
#
# order.slow.t - check that lib/snapshot.c restores everything: the result of each input of a corpus
# (a digest of all memory that it changed) is the same if the input runs alone and if it runs after
# the other inputs, in the order of the corpus and in reverse.
. "${HS_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"

for corpus in "$HS_TOP"/tests/fuzz/corpus/*/; do
	target=$(basename "$corpus")
	program=$O/tests/fuzz/$target
	[[ $target = trace* || $target = syscalls ]] && continue # without a snapshot
	needs_built "$program"
	"$program" --order "$corpus"/* >"$tmp/out" 2>&1
	ok $? "$target: an input has the same result alone, and after others in both orders" ||
		diag "$(tail -n 30 "$tmp/out")"
done
done_testing
