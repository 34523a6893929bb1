#!/bin/bash
# SPDX-License-Identifier: MIT
#
# proofs.slow.t - the bounded proofs hold; a proof that does not hold is reported with its inputs.
. "${HS_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"

. "$HS_TOP/tests/proofs/mutants.sh"

run()	# ARGUMENT...
{
	out=$("$HS_TOP/tests/proofs/run" --out "$O" "$@" 2>&1)
	status=$?
}

run nothing
is "$status" 2 "an unknown proof is refused with status 2"
like "$out" "there is no proof 'nothing'; see tests/proofs/run --list" "the refusal names --list"

"$HS_TOP/tests/proofs/run" --list >"$tmp/proofs"
is "$?:$(($(wc -l <"$tmp/proofs") >= 25))" 0:1 "tests/proofs/run --list names at least 25 proofs"
while read -r proof; do
	run "$proof"
	ok $status "$proof holds" || diag "$out"
done <"$tmp/proofs"

plant "a mistake in the decoder can be planted" exit/insn_decode.c 's/: 2;\n\tswitch \(insn & 3\)/: 4;\n\tswitch (insn & 3)/'
run --sources "$tmp/sources" insn_decode/access
is "$status" 1 "a proof that does not hold gives status 1"
like "$out" "^proofs: insn_decode/access \(1 of 1\) \.\.\.$" "a line says which proof is running"
like "$out" "^insn_decode/access .* DOES NOT HOLD$" "the table shows the proof that does not hold"
like "$out" "kind and length as drawn" "the output names the property that does not hold"
like "$out" "^  insn=[0-9]" "the output contains an instruction that violates it"
like "$out" "to repeat: make proofs PROOFS=insn_decode/access$" "the output contains the command that repeats the proof"
done_testing
