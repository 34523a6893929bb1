#!/bin/bash
# SPDX-License-Identifier: MIT
#
# corpus.t - run each fuzz target on its corpus, and on damaged copies of it, under ASan and UBSan.
# A corpus contains inputs that once found a bug, and inputs that add coverage. make fuzz starts
# from it.
. "${HS_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"

for corpus in "$HS_TOP"/tests/fuzz/corpus/*/; do
	target=$(basename "$corpus")
	program=$O/tests/fuzz/$target
	needs_built "$program"
	"$program" 2 "$corpus"/* >"$tmp/out" 2>&1
	ok $? "$target: no error in $(find "$corpus" -type f | wc -l) inputs, each unchanged and damaged twice" ||
		diag "$(tail -n 30 "$tmp/out")"
done
refused()	# MESSAGE ARGUMENT...: claim that the program ends with status 2 and this message
{
	local message=$1
	shift
	"$program" "$@" >"$tmp/out" 2>&1
	like "$? $(head -n 1 "$tmp/out")" "^2 $message" "wrong arguments are refused: ${*/"$corpus"/CORPUS}"
}
refused "$program: 'x' is not a number" x "$corpus"
refused "$corpus: Is a directory" 0 "$corpus"
refused 'usage: ' 0
is "$(find "$HS_TOP/tests/fuzz/corpus" -type f -printf '%s\n' | awk '{ n += $1 } END { print n < 524288 }')" 1 \
	"the corpora have less than 512 KiB in all"
done_testing
