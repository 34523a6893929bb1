#!/bin/bash
# SPDX-License-Identifier: MIT
#
# found.t - run the sequences of system calls that once found mistakes in the host.
# tests/fuzz/corpus.t runs the target's corpus.
. "${HS_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"

program=$O/tests/syscalls/syscalls
needs_built "$program"
for file in "$HS_TOP"/tests/syscalls/found/*; do
	"$program" "$file" >"$tmp/out" 2>&1
	ok $? "$(basename "$file"): no invariant is violated" || diag "$(tail -n 20 "$tmp/out")"
done
is "$("$program" --random 1 1 2>&1)" "1 sequence, no failure" "a random sequence runs to its end"
is "$("$program" --random 1 0 2>&1; echo $?)" "syscalls: SEED '1', COUNT '0': must be numbers, COUNT at least 1"$'\n'2 "a COUNT of 0 is refused"
done_testing
