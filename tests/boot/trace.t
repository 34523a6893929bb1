#!/bin/bash
# SPDX-License-Identifier: MIT
#
# trace.t - the trace of real runs is complete, repeatable, cheap, and readable after the machine
# has been killed.
. "${HS_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
needs_built "$O/tests/boot/qemu_delay.so"
! qemu_older 8.0 || skip_all "QEMU $(qemu_version): a pending interrupt does not show in sip, and the payload timer waits for one"

fixes "the events of exiting WFIs and of VMIDs are expected" wfi vmid
fixes "the cost that events add to an exit is measured on the fast path" switch fastpath

hstrace=$O/hstrace
payloads=$O/guest-payloads
trace=$tmp/runs/last/trace

# run WHAT ARGS...: run a payload under icount, and write $tmp/table and $tmp/report from its trace.
run()
{
	local what=$1
	shift
	hs run --out "$O" --icount --memory 64M "$@" "$what"
	"$hstrace" stat "$trace" >"$tmp/table" 2>&1
	"$hstrace" report "$trace" >"$tmp/report" 2>&1
}

events()	# REGEX: print the number of matching lines of the report
{
	grep -v '^#' "$tmp/report" | grep -cE -- "$1"
}

rows()	# print the sum of the table's counts
{
	awk 'NR > 2 && / [0-9]+ +[0-9.]+%/ { for (i = 1; i < NF; i++) if ($(i + 1) ~ /%$/) n += $i } END { print n }' "$tmp/table"
}

# ---- complete ----
#
# Set fp=lazy_save, so that the trace contains kvm_fpu: with lazy_trap, no FP state would be moved,
# because the payload does not use FP.
run "$payloads/timer.bin" --trace all --set fp=lazy_save
is "$status" 0 "a payload runs with every event on"
like "$(cat "$tmp/table")" '^exits: [0-9]+; cost in instructions' "with --icount and one hart, costs are in instructions"
is "$(rows)" "$(events ' kvm_exit: ')" "the table counts as many exits as there are kvm_exit events"
is "$(events ' kvm_entry: ')" "$(events ' kvm_exit: ')" "every entry has its exit"
like "$(cat "$tmp/report")" 'events: [0-9]+, of which lost \(overwritten or dropped\): 0' "no event is lost"
if qemu_older 10.0; then
	skip "the trace has kvm_wrs" "wrs.nto of this QEMU never traps" # 8.2.2
else
	[ "$(events ' kvm_wrs: ')" -gt 0 ]
	ok $? "the trace has kvm_wrs"
fi
for event in kvm_wfi kvm_timer_set kvm_timer_fire kvm_sbi_call kvm_sbi_return kvm_page_fault \
	kvm_mmio kvm_virtual_inst kvm_inject_trap kvm_host_irq kvm_vcpu_load kvm_vcpu_put kvm_fpu \
	kvm_vmid kvm_fence_gvma gstage_step gstage_map gstage_unmap kvm_vcpu_block kvm_vcpu_wakeup \
	kvm_userspace_exit kvm_ioctl kvm_memslot kvm_unmap_hva_range sched_switch sys_enter; do
	[ "$(events " $event: ")" -gt 0 ]
	ok $? "the trace has $event"
done
grep -v '^#' "$tmp/report" | awk '{ print $2 }' >"$tmp/instret"
sort -nc "$tmp/instret"
ok $? "events are in the order of instret"

make -s -C "$HS_TOP" report "O=$O" "RUN=$trace" "REPORT=$tmp/page.html" >"$tmp/out" 2>"$tmp/err"
is "$? $(tail -n 1 "$tmp/out")" "0 report: $tmp/page.html" "make report writes the page" || diag "$(cat "$tmp/err")"
is "$(PYTHONPATH=$HS_TOP/tests/trace PYTHONDONTWRITEBYTECODE=1 python3 "$HS_TOP/tests/trace/html_check.py" \
	"$tmp/page.html" 0 "$tmp/table" "$tmp/report" 2>&1)" "" "the page has the same numbers as the table and the report"
for what in harts=1 'toggles=.* fp=lazy_save ' 'boot=(.* )?kvm.fp=lazy_save trace=all' 'qemu=QEMU emulator version' commit=.; do
	like "$(grep '^#' "$tmp/report")" "^# $what" "the trace records how it was made: ${what%%=*}"
done

# ---- repeatable ----
mv "$tmp/report" "$tmp/report.1"
another()	# ARGS...: run as before; the run must succeed, so that its trace is not that of the previous one
{
	local before
	before=$(readlink "$tmp/runs/last")
	run "$payloads/timer.bin" --trace all --set fp=lazy_save "$@"
	[ "$status" = 0 ] && [ "$(readlink "$tmp/runs/last")" != "$before" ]
	ok $? "the payload runs once more${1:+ with $1}" || diag "status $status, run $before" "$err"
}
export LD_PRELOAD=$O/tests/boot/qemu_delay.so
another
unset LD_PRELOAD
cmp "$tmp/report.1" "$tmp/report" >"$tmp/cmp" 2>&1
ok $? "the trace of a second run, in a QEMU whose threads are delayed, is the same to the byte" || diag "$(cat "$tmp/cmp")"
another --trace-stream
cmp "$tmp/report.1" "$tmp/report" >"$tmp/cmp" 2>&1
ok $? "the trace of a run with --trace-stream is the same to the byte" || diag "$(cat "$tmp/cmp")"
like "$err" 'the trace is saved to .*/trace; hstrace stat --live ' "the launcher says where it saves a streamed trace"

# ---- a ring that is too small ----
run "$payloads/timer.bin" --trace all --set fp=lazy_save --boot trace.size=8K
like "$(cat "$tmp/report")" 'lost \(overwritten or dropped\): [1-9]' "a small ring loses events, and the report says how many"
is "$(events .)" 127 "a small ring keeps the newest events"
# Record only exits: then each lost record is a lost exit. The number of exits cannot be taken from
# the previous run, because it may differ.
run "$payloads/timer.bin" --trace kvm_exit --set fp=lazy_save --boot trace.size=8K
lost=$(sed -n 's/.*lost (overwritten or dropped): \([0-9]*\).*/\1/p' "$tmp/report")
[ "${lost:-0}" -gt 0 ]
ok $? "a small ring loses exits"
is "$(rows)" "$((lost + $(events ' kvm_exit: ')))" "the table counts lost exits, too"

# ---- off ----
run "$payloads/timer.bin" --trace none
is "$("$hstrace" stat --by vcpu "$trace")" "exits: none in the trace (--trace kvm_exit,... records such events)" \
	"without events, a table of events does not say that no guest ran"
run "$payloads/timer.bin" --trace none --boot exitstat=0
like "$(cat "$tmp/table")" 'not accounted' "exitstat=0 accounts nothing"
is "$(events .)" 0 "trace=none records nothing"
run "$payloads/timer.bin" --boot exitstat=nonsense
like "$(cat "$tmp/table")" '^exits: [1-9]' "an unknown exitstat= falls back to auto"

# ---- cheap ----
null_call()	# ARGS...: set $cost to the instructions that a null SBI call costs
{
	run "$payloads/bench.bin" --append only=sbi_version "$@"
	cost=$(sed -n 's/^bench,sbi_version,instructions,[^,]*,[^,]*,\([0-9]*\)[.,].*/\1/p' <<<"$out")
}
null_call --without-observation
off=$cost
like "$out" 'the program and any guest ran for [0-9]+ instructions$' "a run without observation states how many instructions it took"
null_call --trace kvm_entry,kvm_exit
both=$cost
like "$out" 'ran for [0-9]+ instructions, observation included$' "a run with observation states how many instructions it took"
diag "null SBI call: $off instructions with everything off, $both with entry and exit events and accounting"
[ -n "$off" ] && [ -n "$both" ] && [ $((both - off)) -le 180 ] && [ "$both" -gt "$off" ]
ok $? "entry and exit events and the accounting add at most 180 instructions to an exit"

# ---- costs do not depend on what is recorded ----
#
# Print "CAUSE MEAN" for the rows of the last table with at least 100 exits. Of rarer exits, events
# can change which ones there are: the guest sets timers by its clock.
means()
{
	sed -nE 's/^(.{23}) +([0-9]{3,}) +[0-9.]+% +([0-9]+).*/\1|\3/p' "$tmp/table" | sed 's/ *|/|/' | sort
}
observed()	# ARGS...: run the payload that makes exits of several kinds
{
	run "$payloads/bench.bin" --append "only=sbi_version,sbi_user,mmio_read,wfi_pending,fault_4k_present" "$@"
	means
}
observed --trace none >"$tmp/means.none"
observed >"$tmp/means.default"
cp "$tmp/table" "$tmp/table.default"
observed --trace kvm_exit,kvm_exit_cost >"$tmp/means.few"	# few enough that none is lost
for what in cost count; do	# lines of "CAUSE|SUM", from the events
	"$hstrace" stat --by function --folded $what "$trace" | sed -nE 's/^guest [^;]*;.*;(.*) ([0-9]+)$/\1|\2/p' |
		awk -F '|' '{ sum[$1] += $2 } END { for (cause in sum) print cause "|" sum[cause] }' | sort >"$tmp/events.$what"
done
[ "$(wc -l <"$tmp/means.few")" -ge 4 ]
ok $? "the exit table has at least four causes with at least 100 exits" || diag "$(<"$tmp/table")"
is "$(join -t '|' "$tmp/events.cost" "$tmp/events.count" | join -t '|' - "$tmp/means.few" |
	awk -F '|' '{ print $1 "|" int($2 / $3 + 0.5) }')" "$(<"$tmp/means.few")" \
	"costs from events are those of the exit table"
observed --trace 'kvm_exit,gstage_*' --trace-filter 'gstage_step if level == 9' >"$tmp/means.filter"
[ "$(wc -l <"$tmp/means.none")" -ge 4 ]
ok $? "the payload makes exits of four kinds" || diag "$(cat "$tmp/table")"
"$hstrace" stat --vm 1 "$trace" >"$tmp/out"
like "$(tr '\n' ' ' <"$tmp/out" | tr -s ' ')" \
	'costs: measured from kvm_exit to kvm_entry, because kvm_exit_cost was not recorded.* Some are too high, because a filter' \
	"without kvm_exit_cost, a table of events says that a filter makes its costs too high"
like "$(tr '\n' ' ' <"$tmp/table" | tr -s ' ')" 'A filter, a trigger, a ring that keeps its oldest records or stopped recording has cost more than this' \
	"the table says that a filter costs more than its records"
is "$(grep -c 'cost more than this' "$tmp/table.default")" 0 "and does not say so without a filter"
# The few instructions that a record costs more or less than average depend on the compiler: a WFI with its three records
# costs 39 without events and 42 or 43 with them.
for set in default filter; do
	wrong=$(join -t '|' -a 1 "$tmp/means.none" "$tmp/means.$set" |
		awk -F '|' '{ most = $2 < 50 ? 5 : $2 / 10 } NF < 3 || $3 > $2 + most || $3 < $2 - most')
	is "$wrong" "" "with the $set events, costs are within 10 % or 5 instructions of those without events" || diag "$(cat "$tmp/means.$set")"
done
like "$(cat "$tmp/table.default")" '^observation: [0-9]+ events on \(trace=kvm_' "the lines below the table state which events were on"
like "$(tr '\n' ' ' <"$tmp/table.default" | tr -s ' ')" \
	'[0-9.]+ records per exit \(including those outside exits\), about [0-9]+ instructions\. Accounting: about [1-9][0-9]+ instructions per exit\. The costs leave out both' \
	"the lines below the table state what events and accounting cost"
run "$payloads/bench.bin" --append "only=sbi_version" --trace 'kvm_exit,kvm_request'
like "$(tr '\n' ' ' <"$tmp/table" | tr -s ' ')" 'No exit took the fast path, because kvm_request was on' \
	"the lines below the table name an event that disabled the fast path"

# ---- the trace of a running and of a killed machine ----
"$HS_TOP/scripts/hyperscope" run --out "$O" --memory 64M --trace kvm_exit,kvm_entry \
	--timeout "$(scaled 60)" "$payloads/bench.bin" </dev/null >"$tmp/out" 2>"$tmp/err" &
live=$!
for ((n = $(scaled 300); n > 0; n--)); do
	sleep 0.1
	"$hstrace" save "$tmp/runs/last/ram" "$tmp/live" 2>/dev/null || continue
	! "$hstrace" stat "$tmp/live" | grep -q '^exits: [1-9][0-9]' || break
done
kill -0 $live
ok $? "the machine is still running"
"$hstrace" report --last 5 "$tmp/live" >"$tmp/report" 2>&1
is "$(events ' kvm_(exit|entry): ')" 5 "the trace of a running machine can be read"
kill $live
wait $live
is "$?" 143 "a launcher that SIGTERM ends returns 128 + 15"
"$hstrace" stat "$trace" >"$tmp/table" 2>&1
like "$(cat "$tmp/table")" 'microseconds of host time: indicative' "a killed run has a table of exits, with costs in time because --icount is off"
"$hstrace" report --last 5 "$trace" >"$tmp/report" 2>&1
is "$(events ' kvm_(exit|entry): ')" 5 "the events of a killed run can be read"

# ---- a guest that the watchdog ends ----
hs run --out "$O" --memory 64M "$payloads/fault_loop.bin"
is "$status" 104 "the watchdog ends a guest that faults forever"
like "$out$err" 'scause +0000000000000002' "the registers of an ended guest are shown"
like "$(sed -n '/^the last exits:/,/^exits:/p' <<<"$out")" ' kvm_exit: sepc=0x80200040 ' \
	"the last exits of an ended guest are shown"

done_testing
