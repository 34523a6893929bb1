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
done_testing
