#!/bin/bash
# SPDX-License-Identifier: MIT
#
# mutants.t - each mistake that a slow test plants can still be planted: its substitution changes its
# source. For this, the slow tests are sourced, and the commands that they run do nothing.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/mutant.sh"

# plant_all FILE: print "yes" for each mistake of FILE that can be planted, and the message for each other
plant_all()
(
	declare -f planted | sed '1s/planted/real_planted/' >"$tmp/planted" && source "$tmp/planted"
	planted()
	{
		local planting=1
		real_planted "${@:1:4}" && echo yes
		return 1
	}
	diag() { [ -z "${planting:-}" ] || echo "$@"; }
	ok() { :; }
	for name in is like skip skip_all needs_built fixes done_testing make timeout make_mutant; do
		eval "$name() { :; }"
	done
	.() { case $1 in */tests/lib/*) ;; *) source "$1" ;; esac; } # keep these functions
	O=$tmp/nothing tmp=$tmp/own
	mkdir -p "$tmp" && cd "$tmp" && source "$HS_TOP/$1"
) 2>"$tmp/err"

(cd "$HS_TOP/tests" && grep -lE '/mutants?\.sh"' -r . --include='*.slow.t' | sort) >"$tmp/files"
[ "$(wc -l <"$tmp/files")" -ge 8 ]
ok $? "at least eight slow tests plant mistakes" || diag "$(<"$tmp/files")"
while read -r file; do
	plant_all "tests/${file#./}" >"$tmp/out"
	is "$(sort -u "$tmp/out")" yes "tests/${file#./}: $(grep -cx yes "$tmp/out") mistakes can be planted"
done <"$tmp/files"

"$HS_TOP/tests/judges/run" --list >"$tmp/mistakes"
status=$?
bad=() n=0
while read -r name _; do
	n=$((n + 1))
	"$HS_TOP/tests/judges/run" --patch "$name" >/dev/null 2>&1 || bad+=("$name")
done <"$tmp/mistakes"
is "$status:$((n >= 50)):${bad[*]}" "0:1:" "tests/judges/mistakes: $n mistakes can be planted"
done_testing
