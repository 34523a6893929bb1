#!/bin/bash
# SPDX-License-Identifier: MIT
#
# gdb.t - check the answers that were found with gdb. The value of a0 is a number that the guest
# computes from the variant's seed; the leaf's level is taken from the trace of a new run.
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
. "$(dirname "$0")/numbers.sh"
answered gdb-a0 "$(numbers $(($(variant touches) + $(variant rounds) + 2)))"
HS_SECONDS=60 hs run --icount "$O/guest-payloads/tools.bin"
answered gdb-leaf-level "$("$O/hstrace" report --events gstage_map "$tmp/runs/last/trace" |
	sed -n 's/.* gpa=0x80200000 level=\([0-9]\) .*/\1/p' | head -n 1)"
done_testing
