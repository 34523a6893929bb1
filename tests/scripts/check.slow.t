#!/bin/bash
# SPDX-License-Identifier: MIT
#
# check.slow.t - clang-tidy reports nothing when it follows all paths and calls (check.t runs it with
# --shallow). Time-out: 900 seconds.
. "${HS_TOP:-$(dirname "$0")/../..}/tests/lib/tap.sh"
cd "$HS_TOP" || exit 1
git rev-parse --git-dir >/dev/null 2>&1 || skip_all "this tree is not a git checkout"

said=$(scripts/hyperscope check --out "$O" tidy 2>&1)
result=$?
reason=$(sed -n 's/^check: tidy: skipped: //p' <<<"$said")
[ -z "$reason" ] || skip_all "$reason"
ok $result "tidy" || diag "$(grep -E 'error|warning|:[0-9]+:' <<<"$said" | head -n 20)"
done_testing
