#!/bin/bash
# SPDX-License-Identifier: MIT
#
# new.slow.t - everything that `hyperscope new` makes, in one tree: it builds, and is seen at work.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
. "$HS_TOP/tests/scripts/new.sh"
[ -d "$O/uapi" ] || skip_all "$O/uapi is missing: set-up could not fetch it"
copy_tree

made event "${event_scaffold[@]}"

of_tree()	# COMMAND...: with the copy's build
{
	(cd "$tree" && HS_TOP=$tree O=$tree/build HS_RUNS=$tmp/runs "$@" 2>&1)
}
of_tree make -j2 O="$tree/build" all >"$tmp/build"
ok $? "all of it builds" || { diag "$(tail -n 20 "$tmp/build")"; done_testing; }

# One boot: a payload that waits, with the new event on.
of_tree timeout "$(scaled 120)" scripts/hyperscope exec --quiet --timeout "$(scaled 60)" --trace kvm_wfi,kvm_wfi_count \
	--file "$tree/build/guest-payloads/timer.bin" "$tree/build/vmm" --quiet --mem 64M \
	--append "on=hyperscope $(quirks | xargs)" /timer.bin >"$tmp/run"
is $? 0 "a payload runs on it" || diag "$(tail -n 5 "$tmp/run")"
"$tree/build/hstrace" report "$tmp/runs/last/trace" >"$tmp/report" 2>"$tmp/err"
is "$(sed -n 's/.* kvm_wfi_count: count=//p' "$tmp/report" | xargs)" "$(seq "$(grep -c ' kvm_wfi: ' "$tmp/report")" | xargs)" \
	"event: each WFI is in the trace, by its number"
like "$(cat "$tmp/report")" 'kvm_wfi_count: count=1$' "event: ... the first, too"

# The tests that a scaffold is registered with.
of_tree make -j2 O="$tree/build" "$tree"/build/tests/kvm/{memory,pages} \
	"$tree"/build/tests/kvm-api/{bus,debug,logged,linger} "$tree/build/tests/progs/ends" >"$tmp/build"
for name in tests/trace/table.t tests/qemu/events.t; do
	of_tree "$name" >"$tmp/said"
	is "$? $(grep '^not ok' "$tmp/said")" "0 " "$name passes"
done
done_testing
