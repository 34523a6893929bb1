#!/bin/bash
# SPDX-License-Identifier: MIT
#
# workload.slow.t - every profile on QEMU, and at least 95 % of all planted faults are found. Time-out: 3600 seconds.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"

fixes "the events of a workload depend on all toggles" all
command -v dtc >/dev/null || skip_all "dtc is missing: run scripts/hyperscope setup workload"
needs_built "$O/workload/runner"

HS_SECONDS=1200
for profile in functional nested stress linux bench; do
	hs_script workload --quiet --timeout "$(scaled 300)" --elf "$tmp/$profile.elf" $profile
	is "$status" 0 "$profile passes on QEMU" || diag "$out" "$(tail -n 20 "$tmp/err")"
done
for profile in nested linux; do
	hs_script workload --quiet --timeout "$(scaled 900)" --elf "$tmp/$profile.elf" $profile --clock counted --trace
	is "$status" 0 "$profile passes on QEMU with a clock that the firmware counts" || diag "$out" "$(tail -n 20 "$tmp/err")"
	like "$out" '^the runs agree: [0-9]{5,} events$' "... and its events repeat"
done
hs_script workload smoke --faults --csv "$tmp/csv"
[ "$status" -le 1 ]
ok $? "faults are planted" || diag "$(tail -n 20 "$tmp/err")"
found=$(grep -c -v ',missed,' "$tmp/csv") all=$(grep -c . "$tmp/csv")
[ "$all" -gt 40 ] && [ $((100 * (found - 1))) -ge $((95 * (all - 1))) ]
ok $? "at least 95 % of the planted faults are found" || diag "$(grep ',missed,' "$tmp/csv")"
is "$(sed -n 's/^\([^,]*\),[^,]*,missed,.*/\1/p' "$tmp/csv" | xargs)" \
	"$(sed -n '/^## Faults that are not found/,/^## /s/^| `\([a-z0-9-]*\)` .*/\1/p' "$HS_TOP/docs/workload.md" | xargs)" \
	"docs/workload.md lists those that are not"
done_testing
