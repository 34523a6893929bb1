#!/bin/bash
# SPDX-License-Identifier: MIT
#
# tracefs.t - /sys/kernel/tracing: choosing events during a run, usage errors, hostile use, and
# several harts.
. "${HS_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
busybox=$O/guest/busybox
needs_fetched "$busybox"
hstrace=$O/hstrace
trace=$tmp/runs/last/trace

# said LABEL: print the text of each line "LABEL: text" that the host's shell printed.
said()
{
	sed -n "s/^$1: //p" <<<"$out"
}

report()	# ARGS...: print the events without the report's header
{
	"$hstrace" report "$@" "$trace" 2>&1 | grep -v '^#'
}

cat >"$tmp/files" <<'E2'
cd /sys/kernel/tracing || exit 1
show()	# LABEL FILE...
{
	label=$1
	shift
	cat "$@" 2>&1 | sed "s/^/$label: /"
}
try()	# LABEL TEXT FILE
{
	if echo "$2" 2>/dev/null >>"$3"; then echo "$1: ok"; else echo "$1: refused"; fi
}
show start events/enable tracing_on options/overwrite events/hs/kvm_exit/filter
show available available_events
show format events/hs/kvm_entry/format
echo "dirs: $(ls events/hs | wc -l)"
show link /sys/kernel/debug/tracing/tracing_on

# enable events by their own files and by set_event
echo 1 >events/hs/sys_enter/enable
show enabled events/hs/sys_enter/enable events/enable set_event
echo 'hs:sys_e* !sys_exit' >>set_event
echo hs:print >>set_event
show appended set_event
echo signal_deliver >set_event
show replaced set_event
echo >set_event
show none events/enable
echo 'hs:*' >set_event
show all events/hs/enable
echo 0 >events/enable
show off events/enable
for all in '*:*' : hs: hs 'h?:*' '*:'; do
	echo "$all" >set_event
	show spelled events/enable
done
echo '*:s*nter' >set_event
show spelled set_event
echo >set_event
for wrong in nonesuch sched: 'sched:*' ! '!:nonesuch' 'hs:hs:'; do
	try nonesuch "$wrong" set_event
done
show spelled set_event
try garbage 2 events/hs/sys_enter/enable
try garbage2 '' events/enable
try on x tracing_on
try size 1 buffer_size_kb
try samesize "$(cat buffer_size_kb)" buffer_size_kb

# filters, and Linux's messages for wrong ones
f=events/hs/sys_enter/filter
try filter 'id == 64 && arg0 == 1' $f
show filter $f
try unknown 'foo == 1' $f
show unknown $f
try operator 'id = 1' $f
show operator $f
try value 'id == write' $f
try parens '(id == 1' $f
try long "id == 1$(printf '%0250d' 0)" $f
try clear 0 $f
show clear $f
echo "overlong: $(head -c 300 /dev/zero | tr '\0' 1 >$f 2>&1 && echo ok || echo refused)"

# triggers
t=events/hs/sys_enter/trigger
show trigger $t
try trigger 'traceoff:3 if id == 172' $t
try again traceoff $t
show trigger $t
try untrigger '!traceoff' $t
try untwice '!traceoff' $t
for wrong in snapshot 'traceoff:0' 'traceoff:x' 'traceoff if' 'traceoff if foo == 1' 'traceoffx'; do
	try wrong "$wrong" $t
done

# trace_marker, a filter on its event, and a trigger that stops tracing
echo 1 >events/hs/print/enable
echo 'part == 0' >events/hs/print/filter
echo 'short' >trace_marker
echo '0123456789abcdef0123456789ABCDEFlonger' >trace_marker
echo 0 >events/hs/print/filter
echo '0123456789abcdef0123456789ABCDEFlonger' >trace_marker
echo 'traceoff if buf == 0x706f7473' >events/hs/print/trigger	# "stop"
echo stop >trace_marker
try closed unheard trace_marker
show stopped tracing_on
echo '!traceoff' >events/hs/print/trigger
echo 1 >tracing_on
echo heard >trace_marker
echo "unreadable: $(cat trace_marker 2>/dev/null && echo ok || echo refused)"
echo 0 >events/enable

# a full ring that keeps its oldest records
echo 0 >options/overwrite
echo 1 >events/hs/sys_enter/enable
n=0
while [ $n -lt 300 ]; do echo >/dev/null; n=$((n + 1)); done
echo 0 >events/enable
cat per_cpu/cpu*/stats | sed 's/^/stats: /'

# write garbage to every file
find . -type f | while read -r file; do
	head -c 100 /dev/urandom >"$file"
	head -c 3000 /dev/urandom >"$file"
	printf 'id == 1 && ((((((((((((((((((((((((((((((((' >"$file"
	printf '!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!' >"$file"
	printf '\0\0\0' >"$file"
	head -c 4096 "$file" >/dev/null
done 2>/dev/null
echo "alive: yes"
E2
hs exec --quiet --harts 1 --trace none --boot trace.size=8K --file "$tmp/files:/files" "$busybox" sh /files
is "$status" 0 "a shell script can use the tracing files" || diag "$err"
is "$(said start | tr '\n' ' ')" "0 1 1 none " "at first no event is on, tracing is on, and a full ring overwrites"
is "$(said available)" "$(sed -n 's/^EVENT(\([a-z0-9_]*\),.*/hs:\1/p' "$HS_TOP/trace/events.def")" \
	"available_events lists the events of events.def"
is "$(said dirs)" "$(($(said available | wc -l) + 1))" "every event has a directory"
is "$(said link)" 1 "/sys/kernel/debug/tracing has the same files"
like "$(said format)" 'name: kvm_entry' "format has the event's name"
like "$(said format)" 'field:u64 pc;	offset:16;	size:8;	signed:0;' "format has a field and its place in the record"
like "$(said format)" 'print fmt: "pc=0x%llx class=%llu", REC->pc, REC->class' "format has the print format"
is "$(said enabled | tr '\n' ' ')" "1 X hs:sys_enter " "an event can be enabled by its own file"
is "$(said appended | tr '\n' ' ')" "hs:sys_enter hs:print " ">> set_event adds events, ! removes them, and globs work"
is "$(said replaced)" "hs:signal_deliver" "> set_event replaces the enabled events"
is "$(said none) $(said all) $(said off)" "0 1 0" "all events can be switched off, on, and off again"
is "$(said spelled | tr '\n' ' ')" "1 1 1 1 1 1 hs:sys_enter " "set_event accepts Linux's spellings of all events"
is "$(said nonesuch | sort -u) $(said garbage) $(said garbage2) $(said on) $(said size) $(said samesize)" \
	"refused refused refused refused refused ok" "invalid values are refused"
is "$(said filter)" "ok
id == 64 && arg0 == 1" "a filter is accepted and can be read back"
is "$(said unknown)" "refused
foo == 1
^
parse_error: Field not found" "an unknown field is reported as on Linux"
is "$(said operator)" "refused
id = 1
   ^
parse_error: Invalid operator" "an unknown operator is reported with its place, as on Linux"
is "$(said value) $(said parens) $(said long) $(said overlong)" "refused refused refused refused" \
	"other wrong filters are refused"
is "$(said clear)" "ok
none" "writing 0 removes a filter"
is "$(said trigger)" "# Available triggers:
# traceon traceoff
ok
traceoff:count=3 if id == 172" "a trigger is accepted and can be read back"
is "$(said again) $(said untrigger) $(said untwice)" "refused ok refused" "an event has at most one trigger of each kind, and ! removes a trigger"
is "$(said wrong | sort -u)" refused "wrong triggers are refused"
is "$(said closed) $(said stopped) $(said unreadable)" "refused 0 refused" \
	"an event with a traceoff trigger stops tracing, and trace_marker is write-only"
is "$(said stats | sed -n 's/^entries: //p')" 128 "a full ring without overwrite keeps its oldest records"
like "$(said stats | sed -n 's/^dropped events: //p')" '^[1-9][0-9]+$' "a full ring without overwrite counts the records that it drops"
is "$(said alive)" yes "the host survives whatever is written to the files"
is "$(report --events print | sed 's/.*print: //')" \
	"part=0 buf=short buf8= buf16= buf24=
part=0 buf=01234567 buf8=89abcdef buf16=01234567 buf24=89ABCDEF
part=0 buf=01234567 buf8=89abcdef buf16=01234567 buf24=89ABCDEF
part=1 buf=longer buf8= buf16= buf24=
part=0 buf=stop buf8= buf16= buf24=
part=0 buf=heard buf8= buf16= buf24=" "texts written to trace_marker are in the trace"
[ "$(wc -c <"$tmp/runs/last/log")" -lt 20000 ]
ok $? "the host's log is not flooded"

# ---- filters, stops and full rings set by the launcher ----
hs exec --quiet --harts 1 --trace 'sys_*' --trace-filter 'sys_enter if id == 64' \
	--trace-filter 'sys_exit if ret == 5 && id == 64' "$busybox" echo hola
is "$(report | sed 's/.*- //')" "$(report --events 'sys_*' | sed 's/.*- //' | grep -E 'sys_enter: id=write|sys_exit: id=write ret=5')" \
	"--trace-filter records only matching events"
[ "$(report | wc -l)" -ge 2 ]
ok $? "--trace-filter records the matching events"
hs exec --quiet --harts 1 --trace 'sys_*' --trace-stop 'sys_enter if id == 64' "$busybox" echo hola
like "$(report --last 1)" 'sys_enter: id=write' "--trace-stop: the event that stops tracing is the last one"
hs exec --quiet --harts 1 --trace 'sys_*' --boot trace.size=4K --trace-keep oldest "$busybox" ls -l /
is "$(report | wc -l)" 63 "--trace-keep oldest fills the ring"
unlike "$(report)" 'sys_enter: id=exit' "--trace-keep oldest keeps the first events"
for wrong in "--trace-filter|kvm_exit" "--trace-filter|nonesuch if a == 1" "--trace-filter|kvm_exit if foo == 1" \
	"--trace-filter|kvm_exit if scause = 1" "--trace-filter|kvm_exit if (vm == 1" "--trace-stop|kvm_exit if scause == ecall_vs" \
	"--trace-stop|kvm exit" "--trace-keep|some"; do
	hs exec "${wrong%%|*}" "${wrong#*|}" "$busybox" true
	is "$status" 125 "wrong use is refused: ${wrong/|/ }"
done
hs exec --trace all --boot "trace.filter=kvm_exit:scause==;nonesuch:a==1 trace.stop=x trace.overwrite=7" "$busybox" true
is "$(grep -c '^trace: trace\.' <<<"$err")" 4 "wrong boot arguments are reported, and the host continues"

# ---- events switched on and off while guests run on several harts ----
cat >"$tmp/load" <<'E2'
cd /sys/kernel/tracing
/vmm --quiet --vcpus 2 --memory 64M /harts.bin >/dev/null &
a=$!
/vmm --quiet --memory 64M /timer.bin >/dev/null &
b=$!
n=0
while kill -0 $a 2>/dev/null || kill -0 $b 2>/dev/null; do
	echo 1 >events/enable
	echo 'vm == 1' >events/hs/kvm_exit/filter
	echo 1 >events/hs/kvm_exit/enable
	echo 0 >events/hs/kvm_exit/filter
	echo 0 >events/enable
	n=$((n + 1))
done
wait $a
echo "status: $?"
wait $b
echo "status: $?"
echo "times: $n"
cat per_cpu/cpu*/stats | grep entries >/before
/vmm --quiet --memory 64M /timer.bin >/dev/null
cat per_cpu/cpu*/stats | grep entries | cmp - /before && echo "still: yes"
echo 'kvm_exit kvm_entry' >set_event
/vmm --quiet --memory 64M /timer.bin >/dev/null
E2
if qemu_older 10.0; then
	skip "events are switched on and off while several harts run" "these payloads need QEMU 10.0"
else
	HS_SECONDS=60 hs exec --quiet --harts 3 --trace none --file "$tmp/load:/load" --file "$O/vmm" \
		--file "$O/guest-payloads/harts.bin" --file "$O/guest-payloads/timer.bin" "$busybox" sh /load
	is "$(said status | tr '\n' ' ')" "0 0 " "guests on three harts end normally while events are switched on and off" ||
		diag "$err"
	diag "switched $(said times) times"
	[ "$(said times)" -ge 3 ]
	ok $? "events were switched at least three times"
	is "$(said still)" yes "no hart writes a record once all events are off again"
	is "$("$hstrace" stat "$trace" | grep -c 'trace=none')" 0 \
		"the exit table does not say that no event was on if events were switched on later"
	like "$("$hstrace" stat --vm 4 "$trace" | tr '\n' ' ' | tr -s ' ')" \
		'cost is not in the trace: [1-9].* costs: those of exits whose kvm_exit_cost was recorded' \
		"an exit whose kvm_exit_cost was off has no cost in a table of events, and lines below the table say so"
	report --events kvm_exit,kvm_entry | awk '{ print $2, $3 }' >"$tmp/who"
	[ "$(wc -l <"$tmp/who")" -gt 100 ] && [ "$(report --last 50 | grep -c ' 4\.0 kvm_\|3\.0 kvm_')" -gt 40 ]
	ok $? "events that are switched on later name the VM and the vCPU"
fi

done_testing
