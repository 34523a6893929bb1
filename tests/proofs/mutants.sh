# SPDX-License-Identifier: MIT
#
# mutants.sh - break a source in one place, and check that a bounded proof refutes it.
#
#   plant CLAIM FILE SUBSTITUTION         apply a Perl substitution to a copy of a file, for the option
#                                         --sources; if this does not change the file, CLAIM fails
#   mutant NAME FILE SUBSTITUTION PROOF   plant it, and check that the proof does not hold
#
# FILE is below src/kvm, src/vmm, src/host or trace.

. "$HS_TOP/tests/lib/mutant.sh"

[ -x "${CBMC:-$O/cbmc/cbmc}" ] || command -v "${CBMC:-cbmc}" >/dev/null ||
	skip_all "CBMC is missing: run 'scripts/hyperscope setup cbmc'"

plant()	# CLAIM FILE SUBSTITUTION
{
	local source
	source=$(cd "$HS_TOP" && ls {src/{kvm,vmm,host},trace}/"$2" 2>/dev/null | head -n 1)
	rm -rf "$tmp/sources"
	mkdir -p "$(dirname "$tmp/sources/$2")"
	planted "$1" "$source" "$3" "$tmp/sources/$2"
}

mutant()	# NAME FILE SUBSTITUTION PROOF
{
	local status
	plant "$1: refuted by $4" "$2" "$3" || return
	"$HS_TOP/tests/proofs/run" --out "$O" --sources "$tmp/sources" "$4" >"$tmp/out" 2>&1
	status=$?
	[ $status = 1 ] && grep -q "DOES NOT HOLD" "$tmp/out"
	ok $? "$1: refuted by $4" || diag "$(cat "$tmp/out")"
}
