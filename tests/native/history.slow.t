#!/bin/bash
# SPDX-License-Identifier: MIT
#
# history.slow.t - put the mistakes of tests/judges/mistakes back whose own test is a native program,
# and check that the program detects them. docs/history.md describes all mistakes.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
. "$HS_TOP/tests/native/mutants.sh"

all=() programs=() names=()
declare -A arguments changes
mistake()	# NAME FILE SUBSTITUTION TEST
{
	all+=("$1")
	# Programs of tests/tsan, and mistakes that their own test does not find, are left to tests/judges/run.
	[[ $2 == kvm/* && $4 == native/* ]] || return
	! grep -qP "^$1\town\tnot found\t" "$HS_TOP/tests/judges/found.tsv" || return
	names+=("$1") programs+=("${4#native/}")
	arguments[$1]="$(basename "$2") $4" changes[$1]=$3
}
. "$HS_TOP/tests/judges/mistakes"

# shellcheck disable=SC2046  # several programs
unbroken $(printf '%s\n' "${programs[@]}" | sort -u)
for name in "${names[@]}"; do
	read -r file program <<<"${arguments[$name]}"
	mutant "$name" "$file" "${changes[$name]}" "${program#native/}"
done

missing=
for name in "${all[@]}"; do
	grep -qE "^### $name: |^\| \`$name\` \|" "$HS_TOP/docs/history.md" || missing+=" $name"
done
is "$missing" "" "docs/history.md describes each mistake"
if [ "$(git -C "$HS_TOP" rev-parse --is-shallow-repository 2>/dev/null)" = false ]; then
	missing=
	for commit in $(grep -oE '`[0-9a-f]{7}`' "$HS_TOP/docs/history.md" | tr -d '`'); do
		git -C "$HS_TOP" merge-base --is-ancestor "$commit" HEAD 2>/dev/null || missing+=" $commit"
	done
	is "$missing" "" "every commit that docs/history.md names exists"
else
	skip "every commit that docs/history.md names exists" "this is not a git checkout with its history"
fi
done_testing
