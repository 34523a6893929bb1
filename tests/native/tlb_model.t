#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Check that docs/toggles.md has the figures that `make tlb-model` prints, row by row.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"

needs_built "$O/tests/native/test_tlb_model"
"$O/tests/native/test_tlb_model" | sed -n '/^# ok - /d; s/^# //p' >"$tmp/printed" # lines of cmocka
page=$HS_TOP/docs/toggles.md
for table in gstage_huge vmid tlb_flush; do
	sed -n "/^$table: /,/^#*$/p" "$tmp/printed" | sed 's/ *$//; /^#*$/d' >"$tmp/table"
	missing=$(sed 's/^/    /' "$tmp/table" | grep -vxFf "$page")
	[ "$(wc -l <"$tmp/table")" -ge 4 ] && [ -z "$missing" ]
	ok $? "docs/toggles.md has the model's figures for $table" || diag "$(cat "$tmp/table")" "missing: $missing"
done

# The page has `| Sv39, 4K | Sv57x4, 2M | 3, 4 | 19 |` where the program prints
# `Sv39   4K   | Sv57x4   2M   |  3  4 | 19`.
sed -nE 's/^\| (Sv[0-9]+), (..) \| (Sv[0-9]+x4), (..) \| ([0-9]), ([0-9]) \| ([0-9]+) \|$/\1 \2 \3 \4 \5 \6 \7/p' \
	"$page" | sort >"$tmp/page"
sed -nE '/^Sv/s/[| ]+/ /gp' "$tmp/printed" | sort >"$tmp/forms"
[ "$(wc -l <"$tmp/forms")" = 81 ] && [ -s "$tmp/page" ] && [ -z "$(comm -23 "$tmp/page" "$tmp/forms")" ]
ok $? "docs/toggles.md has the figures of the closed form" || diag "$(comm -23 "$tmp/page" "$tmp/forms")"
done_testing
