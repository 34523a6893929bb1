#!/bin/bash
# SPDX-License-Identifier: MIT
#
# proofs.t - the bounded proofs compile with the sources that they are about. proofs.slow.t runs them.
. "${HS_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"

out=$("$HS_TOP/tests/proofs/run" --out "$O" --compile 2>&1)
ok $? "all proofs compile" || diag "$out"

# A copy of a source takes its place, as for a mutant.
mkdir -p "$tmp/sources/mmu"
sed 's/\bgstage_limit(/gstage_end(/' "$HS_TOP/src/kvm/mmu/gstage.h" >"$tmp/sources/mmu/gstage.h"
out=$("$HS_TOP/tests/proofs/run" --out "$O" --sources "$tmp/sources" --compile gstage 2>&1)
is $? 1 "a proof that calls a function that is gone does not compile"
like "$out" "gstage.c does not compile" "it is named"
done_testing
