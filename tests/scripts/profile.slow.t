#!/bin/bash
# SPDX-License-Identifier: MIT
#
# profile.slow.t - `scripts/hyperscope profile` profiles Debian's boot: the count of instructions
# agrees with instret, the kernel's functions have names and callers, and a second run gives the
# same stacks.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
needs_plugin profile
[ -f "$O/guest/vmlinux" ] || skip_all "$O/guest/vmlinux is missing: run 'scripts/hyperscope setup run'"

for run in one two; do
	timeout --kill-after=5 "$(scaled 900)" "$HS_TOP/scripts/hyperscope" profile --out "$O" --timeout "$(scaled 400)" \
		--folded "$tmp/$run" boot >"$tmp/table" 2>"$tmp/err"
	is $? 0 "a boot is profiled, run $run" || diag "$(cat "$tmp/err" "$tmp/table")"
	like "$(cat "$tmp/table")" 'instret was read [1-9][0-9,]* times, the last at [0-9,]+, and was our count each time' \
		"run $run: the plugin's count is that of instret"
done
cmp -s "$tmp/one" "$tmp/two"
ok $? "a second run gives the same stacks, to the byte"
all=$(awk '{ n += $NF } END { print n }' "$tmp/one")
kernel=$(grep '^guest kernel;.*start_kernel' "$tmp/one" | awk '{ n += $NF } END { print n + 0 }')
inits=$(grep '^guest kernel;.*kernel_init' "$tmp/one" | awk '{ n += $NF } END { print n + 0 }')
[ "$((10 * (kernel + inits)))" -gt "$((3 * all))" ]
ok $? "start_kernel() and kernel_init() lead to more than 30 % of the instructions" || diag "$kernel, $inits of $all"
[ "$(awk '{ n += /no symbol/ ? $NF : 0 } END { print n * 1000 }' "$tmp/one")" -lt "$all" ]
ok $? "less than a thousandth of the instructions has no symbol"
done_testing
