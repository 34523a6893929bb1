#!/bin/bash
# SPDX-License-Identifier: MIT
#
# check.t - the source checks of `make check`, a claim each; a tool that is not there is a skip.
# On two processors they take a minute or two. Time-out: 300 seconds.
. "${HS_TOP:-$(dirname "$0")/../..}/tests/lib/tap.sh"
cd "$HS_TOP" || exit 1

# The checks ask git which files there are: a checkout without it has nothing to be asked.
git rev-parse --git-dir >/dev/null 2>&1 || skip_all "this is no git checkout"

for name in $(sed -n 's/^all=(\(.*\))$/\1/p' scripts/check); do
	said=$(scripts/check --out "$O" "$name" 2>&1)
	result=$?
	reason=$(sed -n "s/^check: $name: skipped: //p" <<<"$said")
	if [ -n "$reason" ]; then
		skip "$name" "$reason"
	else
		ok $result "$name" || diag "$(grep -E 'error|warning|:[0-9]+:|not|lines' <<<"$said" | head -n 20)"
	fi
done
is "$((tests_run >= 9))" 1 "there are the checks that there were"
done_testing
