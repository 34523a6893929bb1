#!/bin/bash
# SPDX-License-Identifier: MIT
#
# walk-back.slow.t - in every walkthrough, each step can be reversed and repeated, with the expected
# results.
. "${HS_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
fixes "each tour sets the toggles that it is about" all
. "$HS_TOP/tests/scripts/walk.sh"
why=$(why_no_tours)
[ -z "$why" ] || skip_all "$why"

"$HS_TOP/scripts/hyperscope" walk --list | sed -nE 's/^([^ ]+) .*\(([0-9]+) steps\)$/\1 \2/p' >"$tmp/tours"
like "$(wc -l <"$tmp/tours")" '^[1-9]' "there are tours"
while read -r name steps; do
	for ((i = 0; i < steps; i++)); do printf '\nb\n\n'; done >"$tmp/keys"
	echo >>"$tmp/keys"
	said=$(timeout "$(scaled 150)" "$HS_TOP/scripts/hyperscope" walk --timeout "$(scaled 60)" "$name" <"$tmp/keys" 2>&1)
	like "$(tail -n 3 <<<"$said")" "walk: $name: $steps steps, as expected" "$name: the tour runs to completion with each step run twice"
	is "$(grep -c "^(walk) *$" <<<"$said")" "$steps" "$name: the command b goes back at each step"
	unlike "$(grep -E 'the tour expects otherwise|did not return|not be possible to go back|Traceback|^interrupted$' <<<"$said")" "." \
		"$name: all expectations hold when steps are repeated"
done <"$tmp/tours"
is "$(left_running)" "" "nothing is left running"
done_testing
