#!/bin/bash
# SPDX-License-Identifier: MIT
#
# export.t - read hstrace's exports with the tools that they are meant for: perf, trace-cmd, babeltrace2, Python.
#
# Every event and field that a tool prints is compared with hstrace report (readers.py), for a run with
# two vCPUs and every event on, and for a generated trace with the smallest and largest values.
. "${HS_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
. "$HS_TOP/tests/trace/readers.sh"

bin=$O/tests/trace
needs_built "$bin/hstrace"
cd "$tmp" || exit 1

# ---- the smallest and largest values, under ASan and UBSan ----
hstrace=$bin/hstrace
trace=$tmp/extremes
for unit in instret time; do
	"$bin/mkram" ram 2 10 $unit extremes && "$hstrace" save ram "$trace"
	every_reader "extremes, $unit"
done

# ---- two vCPUs ----
hstrace=$O/hstrace
trace=$tmp/runs/last/trace
hs run --out "$O" --memory 64M --harts 2 --vcpus 2 --trace all --append rounds=3 "$O/guest-payloads/harts.bin"
is "$status" 0 "a guest of two vCPUs runs with every event on"
every_reader "two vCPUs"
exits=$(grep -c ' kvm_exit: ' report)
if have perf; then
	perf script -s "$HS_TOP/trace/export/perf-exits.py" -i t.perf >table 2>err
	is "$(awk 'NR > 1 { n += $2 } END { print n }' table)" "$exits" "perf-exits.py counts every exit"
	is "$(awk 'NR > 1 { print $1, $2 }' table | LC_ALL=C sort)" \
		"$(sed -n 's/.* kvm_exit: .*scause=\([a-z_]*\).*/\1/p' report | LC_ALL=C sort | uniq -c | awk '{ print $2, $1 }')" \
		"perf-exits.py prints the same causes and counts as report"
	# perf 6.12 crashes if an event has no fields, like cpu-clock, even in its own recordings.
	perf report --stdio -i t.perf -s scause 2>err >out
	if [ $? = 139 ]; then
		skip "perf report sorts by a field in a file with samples" \
			"this perf dies of SIGSEGV (docs/caveats.md)"
		export_as perf unsampled.perf --events '*,!sample'
		perf report --stdio -i unsampled.perf -s scause 2>err >out
	else
		like "$(cat out)" "of event 'cpu-clock" \
			"perf report sorts by a field in a file with samples"
	fi
	like "$(cat out)" "of event 'hs:kvm_exit'" "perf report lists the event hs:kvm_exit"
	like "$(sed -n "/'hs:kvm_exit'/,/^# Samples/p" out)" ' +ecall_vs' \
		"perf report -s scause prints the names of causes"
	perf report --stdio -i t.perf -n -s sym 2>err | sed -n "/'hs:kvm_exit'/,/^# Samples/p" |
		sed -n 's/^ *[0-9.]*% *\([0-9]*\) *\[\.\] \(.*[^ ]\) *$/\1 \2/p' | sed 's/ 0x0*/ 0x/' | LC_ALL=C sort >out
	is "$(cat out)" "$("$hstrace" stat --by function "$trace" | awk '$2 ~ /%$/ { print $1, $NF }' | LC_ALL=C sort)" \
		"perf report -s sym and stat --by function count the same exits for each function of the guest"
	is "$(awk '{ n += $1 } END { print n }' out)" "$exits" "the functions' exits add up to all exits"
	perf report --stdio -i t.perf -s comm 2>err | sed -n "/'hs:kvm_exit'/,/^# Samples/p" >out
	like "$(cat out)" 'vm1\.1' "perf report -s comm prints the vCPUs"
	perf script -i t.perf --header-only >out 2>err
	like "$(cat out)" '^# arch : riscv64$' "the header of the perf file names the architecture"
	export_as perf t.perf --system kvm --events kvm_entry,kvm_exit
	perf script -i t.perf 2>err | grep -c ' kvm:kvm_exit: ' >out
	is "$(cat out)" "$exits" "--system kvm names the events' group"
else
	skip "perf-exits.py and perf report" "perf is not installed"
fi

# ---- Perfetto's slices, flows and tracks ----
if [ -z "$no_perfetto" ]; then
	hs run --out "$O" --memory 64M --cpu rv64,sstc=off --trace 'kvm_*' "$O/guest-payloads/timer.bin"
	"$hstrace" report "$trace" >report
	export_as perfetto t.pf
	protoc --proto_path="$HS_TOP/trace/export" --decode=Trace perfetto.proto <t.pf >t.txt
	said=$("$HS_TOP/tests/trace/readers.py" report perfetto t.txt 2>&1)
	like "$said" '^[1-9][0-9]* slices, [1-9][0-9]* flows' \
		"flows lead from interrupts to the points where the guest takes them" ||
		diag "$(head -n 5 report)"
	is "$(grep -c 'name: "guest"' t.txt)" "$(grep -c ' kvm_entry: ' report)" "every entry begins a slice"
	for track in "hart 0" "vCPU 1.0" "VM 1" "hyperscope" "device at 0x"; do
		grep -q "\"$track" t.txt
		ok $? "the trace has the track $track"
	done
else
	skip "Perfetto's slices, flows and tracks" "$no_perfetto"
fi

# ---- levels of nested virtualization, as a stack of slices ----
if [ -z "$no_perfetto" ]; then
	"$bin/mkram" ram 1 1 instret nested && "$bin/hstrace" save ram nested
	"$bin/hstrace" export --to perfetto nested t.pf
	protoc --proto_path="$HS_TOP/trace/export" --decode=Trace perfetto.proto <t.pf >t.txt
	is "$(PYTHONPATH=$HS_TOP/tests/trace PYTHONDONTWRITEBYTECODE=1 python3 - <<'END'
from readers import read_messages
stack = []
for packet in read_messages('t.txt'):
    for event in packet.get('track_event', ()):
        if event['track_uuid'] != [str(2 << 56 | 1)]:  # vCPU 1.0
            continue
        if event['type'] == ['TYPE_SLICE_BEGIN']:
            stack.append(event['name'][0])
            print(' > '.join(stack))
        elif event['type'] == ['TYPE_SLICE_END']:
            stack.pop()
END
)" \
"L1 guest
L1 guest > L1 exit: virtual_inst
L1 guest > L2 guest
L1 guest > L2 guest > L2 exit: ecall_vs
L1 guest > L1 exit: virtual_inst
L1 guest > L1 exit: virtual_inst
L1 guest > L1 exit: virtual_inst
L1 guest > L2 guest
L1 guest > L2 guest > L2 exit: store_guest_page_fault
L1 guest > L2 guest > L2 exit: virtual_inst
L1 guest > L1 exit: virtual_inst" "an exit lies in the slice of its level, and L2's slice in L1's"
	"$bin/hstrace" export --to perfetto --filter 'kvm_exit: nesting == 2' nested t.pf
	protoc --proto_path="$HS_TOP/trace/export" --decode=Trace perfetto.proto <t.pf | sed -n 's/^    name: "\(L.*\)"/\1/p' >t.txt
	is "$(cat t.txt)" $'L2 exit: ecall_vs\nL2 exit: store_guest_page_fault\nL2 exit: virtual_inst' \
		"exits alone are named with their level, too"
else
	skip "levels of nested virtualization, as a stack of slices" "$no_perfetto"
fi

# ---- selecting events ----
"$hstrace" export --to json --events kvm_exit --vcpu 0 "$trace" >t.json
selected=$("$hstrace" report --events kvm_exit --vcpu 0 "$trace" | grep -vc '^#')
is "$(wc -l <t.json):$((selected > 0))" "$selected:1" "export selects the same events as report"
export_as csv t.csv --events kvm_mmio
fields=$(grep -m 1 ' kvm_mmio: ' report | sed 's/.*: //; s/=[^ ]*//g; s/ /,/g')
is "$(head -n 1 t.csv)" "time_ns,instret,hart,vm,vcpu,event,$fields" \
	"CSV has columns only for the fields of the selected events"

# ---- losses ----
hstrace=$bin/hstrace
"$bin/mkram" ram 1 10000 time && "$hstrace" save ram lossy
trace=$tmp/lossy
formats="csv json trace-cmd perf"
[ -n "$no_ctf" ] || formats+=" ctf"
[ -n "$no_perfetto" ] || formats+=" perfetto"
for format in $formats; do
	rm -rf t.$format
	"$hstrace" export --to $format "$trace" t.$format 2>err
	is "$? $(cat err)" "0 hstrace: $trace: 5905 events were lost and are not exported" "$format: export prints the number of lost events"
done
if have trace-cmd; then
	like "$(trace-cmd report t.trace-cmd 2>&1)" '\[5905 EVENTS DROPPED\]' \
		"trace-cmd report prints the number of lost events"
	like "$(trace-cmd report --stat t.trace-cmd 2>&1)" '^overrun: 5905$' \
		"trace-cmd report --stat prints the number of lost events"
else
	skip "trace-cmd report prints the number of lost events" "trace-cmd is not installed"
fi
if have perf; then
	like "$(perf script --show-lost-events -i t.perf 2>&1)" 'LOST.* lost 5905' \
		"perf script prints the number of lost events"
else
	skip "perf script prints the number of lost events" "perf is not installed"
fi
if [ -z "$no_ctf" ]; then
	like "$(babeltrace2 t.ctf 2>&1 >/dev/null)" 'discarded 5905 events' \
		"babeltrace2 prints the number of lost events"
	"$hstrace" export --to ctf --events kvm_debug "$trace" none.ctf 2>err
	is "$(ls -A none.ctf)" "" "a CTF trace without events is an empty folder"
else
	skip "babeltrace2 prints the number of lost events" "$no_ctf"
fi

# ---- outputs that cannot be written ----
refused()	# REGEX NAME [STATUS]
{
	[ "$status" = "${3:-1}" ] && [ "$(wc -l <err)" = 1 ] && grep -qE -- "$1" err
	ok $? "$2" || diag "status $status, want ${3:-1} and one line with: $1" "$(cat err)"
}
for format in $formats; do
	( trap '' XFSZ; ulimit -f 100; exec "$hstrace" export --to $format "$trace" full/t ) >out 2>err
	status=$?
	refused "full/t: cannot be written" "$format: a missing output folder is reported"
	mkdir full
	( trap '' XFSZ; ulimit -f 100; exec "$hstrace" export --to $format "$trace" full/t ) >out 2>err
	status=$?
	refused "full/t: .*(File too large|disk may be full)" \
		"$format: an output file that cannot grow is reported"
	is "$(ls -A full)" "" "$format: a failed export leaves no file"
	rm -rf full
done
if [ -c /dev/full ]; then
	"$hstrace" export --to csv "$trace" /dev/full 2>err
	status=$?
	refused "cannot be written: No space left" "a full disk is reported"
	"$hstrace" export --to csv "$trace" >/dev/full 2>err
	status=$?
	refused "standard output: cannot be written: No space left" \
		"a full disk behind standard output is reported"
	"$hstrace" export --to perf "$trace" /dev/full 2>err
	status=$?
	refused "/dev/full: .*needs to seek" "an output that cannot seek is refused for perf"
fi
"$hstrace" export --to perf "$trace" >out 2>err
status=$?
refused "needs a file name" "standard output is refused for perf"
"$hstrace" export --to csv "$tmp/none" t.csv 2>err
status=$?
refused "none: No such file" "a missing trace is reported" 2

if [ -z "$no_ctf" ]; then
	mkdir there
	"$hstrace" export --to ctf "$trace" there >out 2>err
	status=$?
	refused "there: .*already exists" "CTF is not written into an existing folder"
fi

# ---- built without the libraries ----
make -s -C "$HS_TOP" O="$tmp/o" PKG_CONFIG=false "$tmp/o/hstrace" >out 2>err
ok $? "hstrace builds without the optional libraries" || diag "$(cat out err)"
"$tmp/o/hstrace" export --to ctf "$trace" t.ctf >out 2>err
status=$?
refused "without ctf: install libbabeltrace2-dev" \
	"without the libraries, hstrace names the package that CTF needs"
"$tmp/o/hstrace" export --to csv "$trace" t.csv
is "$?" 0 "without the libraries, hstrace exports CSV"

for args in "" "--to" "--to xml $trace t" "--to csv" "--to csv --frob 1 $trace" "--to csv a b c" \
	"--to perf --system a;b $trace t" "--to csv --system kvm $trace" "--to trace-cmd --kallsyms t $trace t"; do
	# shellcheck disable=SC2086 # split into words on purpose
	"$hstrace" export $args >out 2>err
	[ $? = 2 ] && grep -q '^usage: hstrace export' err && [ ! -s out ]
	ok $? "a usage error prints the usage: export $(sed "s:$tmp/::" <<<"$args")" || diag "$(cat err)"
done
"$hstrace" export --help >out 2>err
[ $? = 0 ] && grep -q -- '--to FORMAT' out && grep -q -- '--events LIST' out && ! grep -q '.\{81\}' out
ok $? "--help lists formats and options, in 80 columns" || diag "$(cat out err)"

done_testing
