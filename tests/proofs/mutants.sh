# SPDX-License-Identifier: MIT
#
# mutants.sh - break a source in one place, and check that a bounded proof refutes it.
#
#   plant FILE SUBSTITUTION               apply a Perl substitution to a copy of a file, for the
#                                         option --sources; fails if this does not change the file
#   mutant NAME FILE SUBSTITUTION PROOF   plant it, and check that the proof does not hold
#
# FILE is below src/kvm, src/vmm or src/host.

[ -x "${CBMC:-$O/cbmc/cbmc}" ] || command -v "${CBMC:-cbmc}" >/dev/null ||
	skip_all "CBMC is missing: run 'scripts/hyperscope setup cbmc'"

plant()	# FILE SUBSTITUTION
{
	local source
	source=$(ls "$HS_TOP"/src/{kvm,vmm,host}/"$1" 2>/dev/null | head -n 1)
	rm -rf "$tmp/sources"
	mkdir -p "$(dirname "$tmp/sources/$1")"
	perl -0pe "$2" "$source" >"$tmp/sources/$1"
	! cmp -s "$tmp/sources/$1" "$source"
}

mutant()	# NAME FILE SUBSTITUTION PROOF
{
	local status
	if ! plant "$2" "$3"; then
		ok 1 "$1: refuted by $4"
		diag "the substitution no longer changes $2: update the mutant"
		return
	fi
	"$HS_TOP/tests/proofs/run" --out "$O" --sources "$tmp/sources" "$4" >"$tmp/out" 2>&1
	status=$?
	[ $status = 1 ] && grep -q "DOES NOT HOLD" "$tmp/out"
	ok $? "$1: refuted by $4" || diag "$(cat "$tmp/out")"
}
