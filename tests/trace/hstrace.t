#!/bin/bash
# SPDX-License-Identifier: MIT
#
# hstrace.t - run hstrace on intact and damaged files. The RAM files are written by the host's own
# trace code (mkram.c). hstrace is built with ASan and UBSan: if they find an error, they print it
# on standard error and end hstrace with status 99.
. "${HS_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"

bin=$O/tests/trace
needs_built "$bin/hstrace"

trace()
{
	"$bin/hstrace" "$@" >"$tmp/out" 2>"$tmp/err"
	status=$?
	out=$(cat "$tmp/out")
	err=$(cat "$tmp/err")
}

# Claim that hstrace failed: STATUS (1), one line on standard error that matches REGEX, and no standard output.
refused()	# REGEX NAME [STATUS]
{
	[ "$status" = "${3:-1}" ] && [ -z "$out" ] && [ "$(wc -l <"$tmp/err")" = 1 ] && grep -qE -- "$1" "$tmp/err"
	ok $? "$2" || { diag "status $status, want ${3:-1} and one line with: $1"; diag "$out"; diag "$err"; }
}

# ---- an intact file ----
"$bin/mkram" "$tmp/ram" 2 10 instret
trace save --meta icount=0 --meta guest=none "$tmp/ram" "$tmp/t"
is "$status$out$err" 0 "save prints nothing if it succeeds"

# As the Linux module's file in debugfs.
tail -c "+$(($(LC_ALL=C grep -abo HTRCMEM1 "$tmp/ram" | head -n 1 | cut -d: -f1) + 1))" "$tmp/ram" >"$tmp/mem"
trace save --meta icount=0 --meta guest=none "$tmp/mem" "$tmp/t2"
ok "$(cmp "$tmp/t" "$tmp/t2" >&2; echo $?)" "save reads trace memory alone"
head -c 30000 "$tmp/mem" >"$tmp/cut"
trace save "$tmp/cut" "$tmp/t2"
refused 'the file ends inside trace memory' "trace memory that ends early is refused"

trace report "$tmp/t"
is "$(grep -cv '^#' <<<"$out")" 20 "report has one line per event"
is "$(grep -v '^#' <<<"$out" | sort -snk1,1 | cmp - <(grep -v '^#' <<<"$out") && echo same)" same \
	"report merges the harts' events by time"
like "$out" '^# guest=none$' "report shows the metadata given to save"
like "$out" '1\.0000000 +0 +0 +1\.0 kvm_exit: sepc=0x0 scause=ecall_vs stval=0x0' \
	"a line has time, instret, hart, VM and vCPU, and named fields"
like "$out" ' 1 +1\.1 kvm_entry: pc=0x9 class=NONE$' "report shows the second hart's last event"
trace report --events '*entry' "$tmp/t"
is "$(grep -v '^#' <<<"$out" | grep -c kvm_entry) $(grep -c kvm_exit <<<"$out")" "10 0" \
	"--events selects events by pattern"
trace report --events 'kvm_exit' --last 3 "$tmp/t"
is "$(grep -v '^#' <<<"$out" | grep -o 'sepc=0x.' | tr '\n' ' ')" "sepc=0x6 sepc=0x8 sepc=0x8 " \
	"--last shows the last of the selected events"


# ---- selecting events ----
lines()	# print the numbers after pc= and sepc=, in order
{
	grep -v '^#' "$tmp/out" | grep -o 'pc=0x[0-9a-f]*' | sed 's/pc=0x//' | tr '\n' ' '
}
chosen()	# WANTED NAME OPTIONS...: claim that report with these options shows the numbers WANTED
{
	local wanted=$1 name=$2
	shift 2
	trace report "$@" "$tmp/t"
	is "$status $(lines)" "0 $wanted" "$name"
}
chosen "7 7 9 9 " "a filter compares a field with a number" --filter 'kvm_entry: pc > 5'
chosen "4 6 " "a filter accepts named values, the event's vCPU, parentheses, && and ||" \
	--filter 'kvm_exit: scause == ecall_vs && vcpu == 1 && (sepc == 4 || sepc == 0x6)'
chosen "1 1 8 8 " "a filter accepts !; a comparison of a field that the event lacks is false" \
	--filter '!(pc >= 2) && pc < 100 || sepc >= 8'
chosen "3 3 7 7 " "a filter accepts the operator &" --filter 'kvm_entry if pc & 2'
chosen "0 0 9 9 " "several filters select the events that match any of them" \
	--filter 'sepc == 0' --filter 'pc == 9'
chosen "0 2 " "--vm, --vcpu, --until and --events can be combined" --vm 1 --vcpu 1 --until 1.0000201 --events kvm_exit
chosen "8 9 " "--hart and --from can be combined" --hart 0 --from 1.00008
# If no event matches, the command succeeds and prints one line per file on standard error.
for args in "--vm 2" "--vcpu 7" "--hart 5" "--from 99" "--until 0" "--events kvm_mmio" "--vm 1 --vcpu 7 --last 3"; do
	by=${args% --last*}
	[[ $args =~ ^--(from|until|events) ]] && by=${BASH_REMATCH[0]}
	for command in report "export --to json" "export --to csv" "stat --by event" "diff --by event"; do
		files=("$tmp/t")
		[[ $command != diff* ]] || files+=("$tmp/t")
		# shellcheck disable=SC2086 # split into words on purpose
		trace $command $args "${files[@]}"
		lines=$(printf "hstrace: $tmp/t: none of its 20 events matches $by\\n%.0s" "${files[@]}")
		[ "$status" = 0 ] && [ "$err" = "$lines" ]
		ok $? "hstrace $command $args reports that no event matches" || { diag "status $status, want 0 and $lines"; diag "$err"; }
	done
done
chosen "" "a filter that does not match any event is not an error" --filter 'pc == 99'
is "$err" "hstrace: $tmp/t: none of its 20 events matches --filter" \
	"a filter that matches no event is reported"
chosen "9 " "--last counts only selected events" --filter 'pc >= 1' --vcpu 0 --last 1
trace report --columns vcpu,delta,event --vcpu 1 --last 2 "$tmp/t"
is "$(grep -v '^#' <<<"$out" | tr -s ' ' | tr '\n' ';')" " 1.1 0 kvm_exit:; 1.1 10000 kvm_entry:;" \
	"--columns selects and orders columns; delta is in instructions"
trace report --filter 'kvm_exit: pc == 1' "$tmp/t"
refused "no event of kvm_exit has a field 'pc'" "a filter with an unknown field is reported" 2
trace report --filter 'scause == nonesuch' "$tmp/t"
refused "'nonesuch' is neither a number nor a named value of field 'scause'" \
	"a filter with an unknown named value is reported" 2
trace report --events 'kvm_exit,nonesuch' "$tmp/t"
refused "there is no event 'nonesuch'" "--events with an unknown event is reported" 2
for rule in '' 'pc' 'pc =' 'pc == ' 'pc == 1 &&' '(pc == 1' 'pc == 1)' 'pc == 1 pc' 'pc <> 1' '!' 'kvm_exit:'; do
	trace report --filter "$rule" "$tmp/t"
	[ "$status" = 2 ] && grep -q "^hstrace: --filter: .*, at character [0-9]* of '" "$tmp/err"
	ok $? "an invalid filter is reported with the position: '$rule'" || diag "$status $err"
done

trace stat "$tmp/t"
like "$out" '^exits: 2002; cost in instructions' "stat shows the unit: instructions"
like "$out" '^fault on RAM, store +2000 +99.90% +1030 +500 +2000 +40000$' \
	"stat shows count, share, mean, p50, p99 and max of a class"
like "$out" '^irq_s_timer +2 +0\.10% +7 +7 +7 +7$' "an interrupt has its own row"
is "$(awk 'length > 80' "$tmp/out" | wc -l)" 0 "the table fits in 80 columns"

# ---- rows from events ----
joined()	# print the last output as one line, with | between its lines
{
	tr '\n' '|' <"$tmp/out"
}
"$bin/mkram" "$tmp/ram" 2 10 instret calls
trace save --meta map=virt "$tmp/ram" "$tmp/t"
trace stat --by sbi "$tmp/t"
like "$out" '^SBI calls: 6; cost in instructions, from kvm_exit to kvm_entry$' "--by sbi counts SBI calls"
like "$out" '^TIME set_timer +6 100\.00% +900 +904 +1700 +1700$' \
	"--by sbi has a row per function, with the exits' costs"
trace stat --by mmio "$tmp/t"
like "$out" '^uart write +4 100\.00% +900 +500 +1296 +1300$' "--by mmio names the VMM's devices"
trace stat --by reg --sort name "$tmp/t"
like "$(joined)" '\|uart\+0x2 write +2 +50\.00% +500 +500 +500 +500\|uart\+0x6 write +2 +50\.00% +1300 +1296 ' \
	"--by reg has a row per register, and --sort name sorts the rows by name"
trace stat --by vcpu "$tmp/t"
like "$(joined)" '\|VM\.vCPU [^|]*\|1\.0 +5 +50\.00% +900 [^|]*\|1\.1 +5 +50\.00% +900 ' \
	"--by vcpu has a row per vCPU"
trace stat --by event --vcpu 1 "$tmp/t"
like "$(joined)" '^events: 15\|event [^|]*\|kvm_entry +5 +33\.33%\|kvm_exit +5 [^|]*\|kvm_sbi_call +3 [^|]*\|kvm_mmio +2 ' \
	"--by event --vcpu counts one vCPU's events"
trace stat --filter 'kvm_exit: sepc >= 6' "$tmp/t"
like "$(joined)" '^exits: 4; [^|]*\|[^|]*\|ecall_vs +4 100\.00% +1500 ' \
	"with a filter, stat counts selected events; costs still end at the next entry"
trace stat --by sbi --vm 9 "$tmp/t"
is "$status $out" "0 SBI calls: none among the selected events" \
	"stat reports that no SBI call is selected"
trace save "$tmp/ram" "$tmp/t"
trace stat --by cause --events kvm_mmio "$tmp/t"
is "$status $out" "0 exits: none among the selected events" "stat reports that no exit is selected"
trace save "$tmp/ram" "$tmp/t"
trace stat --by mmio "$tmp/t"
like "$out" '^0x10000000 write +4 ' "without map=virt, a device is shown by its page's address"

# ---- units ----
"$bin/mkram" "$tmp/ram" 2 10 instret
trace save --meta icount=1 --meta harts=2 "$tmp/ram" "$tmp/t"
trace stat "$tmp/t"
like "$out" 'counts only' "with icount and two harts, stat shows only counts"
like "$out" '^fault on RAM, store +2000 +99.90%$' "with icount and two harts, stat does not show costs"
"$bin/mkram" "$tmp/ram" 1 10 time
trace save "$tmp/ram" "$tmp/t"
trace stat "$tmp/t"
like "$out" 'microseconds of host time: indicative' "costs in time are called indicative"
like "$out" '^fault on RAM, store +1000 +99.90% +1\.0 +0\.5 +2\.0 +40\.0$' \
	"costs in time are shown in microseconds"
"$bin/mkram" "$tmp/ram" 1 10 none
trace save "$tmp/ram" "$tmp/t"
trace stat "$tmp/t"
like "$out" 'not accounted' "stat reports that exits were not accounted"

# ---- levels of nested virtualization ----
trace report "$tmp/t"
unlike "$out" nesting "without nested virtualization, report has no column for the level"
"$bin/mkram" "$tmp/ram" 2 5 instret nested
trace save "$tmp/ram" "$tmp/t"
nesting()	# FILE: print the level, event, cause and class of each event of vCPU 1.0
{
	"$bin/hstrace" report --columns nesting,event,fields --vcpu 0 "$1" |
		sed '/^#/d; s/ [a-z]*=[0-9a-fx]*\>//g; s/ csr=hstatus//; s/ [a-z]*=/ /'
}
nesting "$tmp/t" >"$tmp/all"
is "$(sed -n '2,20p' "$tmp/all")" \
"L1 kvm_exit: virtual_inst
L1 kvm_virtual_inst:
L1 kvm_nested_vmenter:
L2 kvm_entry: H_INSN
L2 kvm_exit: ecall_vs
L2 kvm_nested_vmexit: ecall_vs
L1 kvm_entry: INJECTED
L1 kvm_exit: virtual_inst
L1 kvm_csr:
L1 kvm_entry: H_INSN
L1 kvm_exit: virtual_inst
L1 kvm_csr:
L1 kvm_entry: H_INSN
L1 kvm_exit: virtual_inst
L1 kvm_virtual_inst:
L1 kvm_nested_vmenter:
L2 kvm_entry: H_INSN
L2 kvm_exit: store_guest_page_fault
L2 kvm_entry: FAULT_STORE" "report shows the level of each event: an exit's is the one that exits, an entry's the one that is entered"
is "$(tail -n 3 "$tmp/all")" $'L1 kvm_entry: H_INSN\nL1 kvm_exit: virtual_inst\nL1 kvm_entry: WFI' \
	"after a reset in L2, the level is L1 from the first hypervisor instruction on"
trace report "$tmp/t"
like "$out" '^#   seconds +instret hart vm\.vcpu nesting event: fields$' "report has the column by default"
for at in 4 7; do	# kvm_nested_vmenter, kvm_nested_vmexit
	"$HS_TOP/tests/trace/drop.py" "$tmp/t" "$tmp/gap" $at 1
	nesting "$tmp/gap" >"$tmp/some"
	is "$(tail -n +$at "$tmp/some" | sed '/nested/,$d' | awk '{ print $1 }' | sort -u)" - \
		"without record $at, the level is unknown until the next change"
	is "$(sed '1,/ - /d; 1,/nested/d' "$tmp/some" | head -n 20)" "$(tail -n +$((at + 1)) "$tmp/all" | sed '1,/nested/d' | head -n 20)" \
		"after that, it is known again"
done
"$bin/hstrace" stat "$tmp/gap" >"$tmp/out"
like "$(joined)" '\|level unknown\|hypervisor instruction +[1-9].*\|exits whose events are lost are missing' \
	"stat counts exits of an unknown level apart, and mentions lost records"
trace stat "$tmp/t"
is "$(sed '1,/^exits by level/d; s/  */ /g' <<<"$out")" \
"cause count share mean p50 p99 max
L1
hypervisor instruction 24 50.00% 250 202 300 300
wfi 2 4.17% 0 0 0 0
L2
fault on RAM, store 10 20.83% 400 400 400 400
trap given to guest 10 20.83% 110 101 150 150
hypervisor instruction 2 4.17% 200 200 200 200" "after the exit table, stat has the exits of L1 and L2 apart"
is "$(awk 'length > 80' "$tmp/out")" "" "both tables fit in 80 columns"
trace stat --by nesting --filter 'kvm_exit: nesting == 2' "$tmp/t"
is "$(sed -n '1s/;.*//p; /^L[12]/p' <<<"$out")" $'exits by level: 22\nL2' "a filter selects the exits of a level"
trace levels "$tmp/t"
is "$(sed '/^handled/d; /^obs/,$d; s/  */ /g' <<<"$out" | grep .)" \
"exits of L2: 20; L1 handles 10 of them, with 3.2 exits to L0 on average
means per exit of L2: exits to L0, and their cost in instructions
ecall_vs 10 3.2 650 2200
 write hstatus 1.2 240
 sret 1.0 300
 trap given to guest 1.0 110
fault on RAM, store 10 1.0 400" "levels has the exits of L2, and the exits to L0 that each causes"
"$bin/mkram" "$tmp/ram" 1 1 instret nested 1300
trace save "$tmp/ram" "$tmp/t2"
trace levels --each "$tmp/t2"
is "$(grep -c '^      L0' <<<"$out") $(grep '^      L0.* times' <<<"$out" | tr -s ' ')" "1026  L0 55600 write hstatus, 278 times" \
	"levels --each shows the first 1024 exits to L0, and adds up the others by kind"
like "$out" '^ecall_vs +1 +1303\.0 +260600 +1302000$' "the table counts all of them"
like "$out" '^ +write hstatus +1301\.0 +260200$' "a row of its parts, too"

# ---- losses ----
"$bin/mkram" "$tmp/ram" 1 10000 instret
trace save "$tmp/ram" "$tmp/t"
trace report "$tmp/t"
like "$out" '^# events: 10000, of which lost \(overwritten or dropped\): 5905$' \
	"report shows the number of lost events"
is "$(grep -vc '^#' <<<"$out")" 4095 "report shows the events that are not lost"
like "$(grep -v '^#' <<<"$out" | head -n 1)" 'pc=0x1711 class=NONE$' \
	"the lost events are the oldest"
trace stat "$tmp/t"
like "$out" ', of which 5905 are lost' "stat shows the number of lost events"

MKRAM_KEEP=1 "$bin/mkram" "$tmp/kept" 1 10000 instret
trace save "$tmp/kept" "$tmp/t2"
trace report "$tmp/t2"
like "$out" '^# events: 10000, of which lost \(overwritten or dropped\): [0-9]+$' \
	"if a ring keeps its oldest records, the dropped ones count as lost"
is "$(sed -n 's/.*overwritten or dropped): //p' <<<"$out")" "$((10000 - $(grep -vc '^#' <<<"$out")))" \
	"if a ring keeps its oldest records, lost and shown events add up to those written"

# An exit's end that is not in the trace is replaced neither by the end of a later exit nor by its class.
row()	# NAME REGEX: claim that a line of the output, with single blanks, matches REGEX
{
	tr -s ' ' <"$tmp/out" | grep -qxE -- "$2"
	ok $? "$1" || diag "$out"
}
"$bin/mkram" "$tmp/few" 1 20 instret
trace save "$tmp/few" "$tmp/t2"
"$HS_TOP/tests/trace/drop.py" "$tmp/t2" "$tmp/gap" 3 2
trace stat --by vcpu "$tmp/gap"
row "an exit whose end is lost has no cost" '1\.0 9 100\.00% 10000 10000 10000 10000'
like "$out" '^exits whose cost is not in the trace: 1$' "such an exit is counted as one without a cost"
"$bin/mkram" "$tmp/few" 2 20 instret
trace save "$tmp/few" "$tmp/t2"
"$HS_TOP/tests/trace/drop.py" "$tmp/t2" "$tmp/gap" 0 3
trace stat --by vcpu "$tmp/gap"
like "$out" '^exits whose cost is not in the trace: 1$' "the missing first records of a hart may have had the end of an exit on another hart"
"$bin/mkram" "$tmp/few" 2 5 instret nested
trace save "$tmp/few" "$tmp/t2"
"$HS_TOP/tests/trace/drop.py" "$tmp/t2" "$tmp/gap" 7 3
trace stat --by nesting "$tmp/gap"
row "an exit whose end is lost has no class of a later exit" 'ecall_vs 1 2\.13%'

# ---- a newer host's events ----
sed 's/event kvm_entry hex:pc/event kvm_entrx xxx:qc/' "$tmp/ram" >"$tmp/ram2"
trace save "$tmp/ram2" "$tmp/t2"
trace report "$tmp/t2"
like "$out" 'kvm_entrx: qc=0x1711 class=NONE$' \
	"events of another version are decoded with the file's own table"

# ---- fields with the names of columns that every event has ----
sed 's/event kvm_entry hex:pc/event kvm_entry hex:vm/; s/hex:sepc \([^ ]*\) hex:stval/hex:vcpu \1 hex:vcpu_/' "$tmp/ram" >"$tmp/ram2"
trace save "$tmp/ram2" "$tmp/t2"
trace export --to csv "$tmp/t2"
is "$(head -n 1 "$tmp/out")" "time_ns,instret,hart,vm,vcpu,event,vm_,class,vcpu__,scause,vcpu_,htval,htinst" \
	"CSV: no two columns have the same name"
like "$(sed -n 3p "$tmp/out")" '^[0-9]+,[0-9]+,0,1,0,kvm_exit,,,0x1712,ecall_vs,0x0,0x0,0x0$' \
	"CSV: each column has its own field's value"
trace export --to json "$tmp/t2"
is "$(python3 - "$tmp/out" <<'EOF'
import json, sys
def unique(pairs):
    assert len(dict(pairs)) == len(pairs), pairs
    return dict(pairs)
lines = [json.loads(line, object_pairs_hook=unique) for line in open(sys.argv[1])]
print(len(lines), lines[1]["vcpu"], lines[1]["fields"]["vcpu"], lines[1]["fields"]["vcpu_"])
EOF
)" "4095 0 0x1712 0x0" "JSON: no two members of an object have the same name"
trace report --filter 'kvm_exit: vcpu == 0x1712' "$tmp/t2"
is "$(grep -vc '^#' <<<"$out")" 1 "a name in a filter refers to the event's own field"
sed 's/event kvm_exit hex:sepc \([^ ]*\) hex:stval hex:htval/event kvm_exit hex:sepc \1 hex:htval hex:htval/' "$tmp/ram" >"$tmp/ram2"
trace save "$tmp/ram2" "$tmp/t2"
refused "the trace is damaged: invalid event fields; no part of it" \
	"a trace whose event has two fields of the same name is refused"

# ---- refusals ----
trace stat --live "$tmp/none"
refused "$tmp/none: No such file" "stat --live: a missing run is reported" 2
mkdir "$tmp/folder"
trace stat --live "$tmp/folder"
refused "$tmp/folder: no run in progress in this folder" \
	"stat --live: a folder without a run in progress is refused" 2
trace save "$tmp/none" "$tmp/x"
refused "$tmp/none: No such file" "save: a missing RAM file is reported" 2
trace save /dev/null "$tmp/x"
refused "not the RAM of a machine that booted hyperscope" "save: an empty file is refused"
head -c 4300000 "$tmp/ram" >"$tmp/short"
trace save "$tmp/short" "$tmp/x"
refused "the file ends inside trace memory" "save: a truncated RAM file is refused"
[ ! -e "$tmp/x" ]
ok $? "a failed save leaves no file"
trace save "$tmp/ram" "$tmp/no/x"
refused "No such file" "save: a missing output folder is reported"
if [ -c /dev/full ]; then
	trace save "$tmp/ram" /dev/full
	refused "cannot be written" "save: a full disk is reported"
	[ -c /dev/full ]
	ok $? "save: a failed write does not remove the device"
fi
trace report "$tmp/none"
refused "No such file" "report: a missing file is reported" 2
trace report "$tmp/ram"
refused "not a trace written by .hstrace save." "report: a file that is not a trace is refused" 2
trace report "$tmp"
refused "." "report: a folder is refused" 2

# ---- damaged files ----
# Each command prints one line on standard error and returns 1; report shows a prefix of the intact
# file's report, $tmp/whole.
size=$(stat -c %s "$tmp/t")
trace report "$tmp/t"
grep -v '^#' "$tmp/out" >"$tmp/whole"
bad=0 shown=0
for n in 0 1 15 16 17 31 100 $((size / 3)) $((size / 2)) $((size - 24)) $((size - 8)) $((size - 1)); do
	head -c "$n" "$tmp/t" >"$tmp/cut"
	for command in report stat; do
		trace "$command" "$tmp/cut"
		if [ "$status" != "$([ "$n" -lt 16 ] && echo 2 || echo 1)" ] || [ "$(wc -l <"$tmp/err")" != 1 ]; then
			diag "$command, $n bytes: status $status: $err"
			bad=1
		fi
	done
	trace report "$tmp/cut"
	grep -v '^#' "$tmp/out" >"$tmp/some"
	lines=$(wc -l <"$tmp/some")
	head -n "$lines" "$tmp/whole" | cmp -s - "$tmp/some" || { bad=1; diag "$n bytes: different lines"; }
	[ "$lines" -gt $shown ] && shown=$lines
	[ "$n" -gt 100 ] || [ -z "$out" ] || { bad=1; diag "$n bytes: $out"; }
done
ok $bad "a truncated file is reported in one sentence, and shown up to its end"
is "$shown" "$(wc -l <"$tmp/whole")" "a file that lacks only its end is shown up to its last event"
head -c $((size / 2)) "$tmp/t" >"$tmp/cut"
trace report "$tmp/cut"
like "$err" "^hstrace: $tmp/cut: the trace is truncated at byte $((size / 2)); using what can be read$" \
	"the sentence about a truncated file names the byte at which the file ends"

bad=0
for n in 9 20 200 3000 $((size / 2)) $((size - 4)); do
	{ head -c "$n" "$tmp/t"; printf '\252'; tail -c +$((n + 2)) "$tmp/t"; } >"$tmp/flip"
	cmp -s "$tmp/t" "$tmp/flip" && continue
	trace stat "$tmp/flip"
	[ "$status" = 1 ] && [ "$(wc -l <"$tmp/err")" = 1 ] || { bad=1; diag "byte $n: $status $err"; }
done
ok $bad "a changed byte is detected"
{ head -c $((size - 100)) "$tmp/t"; printf '\252'; tail -c 99 "$tmp/t"; } >"$tmp/flip"
trace report "$tmp/flip"
like "$err" 'wrong checksum; using what can be read' "a wrong checksum is reported"
is "$(grep -vc '^#' <<<"$out")" 4095 "the events of a file with a wrong checksum are shown"

"$bin/mkram" "$tmp/ram" 2 10 instret
trace save "$tmp/ram" "$tmp/t"
"$O/tests/fuzz/trace" 500 "$tmp/t" 2>"$tmp/err"
ok $? "damaged files do not crash the reader"

# ---- input files are not overwritten, even under another name ----
cp "$tmp/t" "$tmp/precious"
ln -s precious "$tmp/link"
ln "$tmp/precious" "$tmp/hard"
mkdir "$tmp/a-run"
ln "$tmp/ram" "$tmp/a-run/ram"
sum=$(cat "$tmp/precious" "$tmp/ram" | cksum)
for args in "export --to csv" "export --to json" "export --to perf" "export --to trace-cmd"; do
	for name in precious link hard; do
		# shellcheck disable=SC2086 # split into words on purpose
		trace $args "$tmp/precious" "$tmp/$name"
		refused "$tmp/$name: cannot be written: it is an input file" \
			"hstrace $args does not overwrite its input ($name)" 2
	done
done
trace html --out "$tmp/link" "$tmp/t" "$tmp/precious"
refused "$tmp/link: cannot be written: it is an input file" "hstrace html does not overwrite a run that it shows" 2
for follow in "" --follow; do
	trace save $follow "$tmp/ram" "$tmp/ram"
	refused "$tmp/ram: cannot be written: it is an input file" \
		"hstrace save $follow does not overwrite the machine's RAM" 2
	trace save $follow "$tmp/a-run" "$tmp/ram"
	refused "$tmp/ram: cannot be written: it is an input file" \
		"hstrace save of a run's folder does not overwrite its RAM" 2
done
is "$(cat "$tmp/precious" "$tmp/ram" | cksum)" "$sum" "none of the input files has changed"

# ---- a hostile trace cannot control the terminal ----
trace save --meta $'guest=\e[31m\x07\x7fred' --meta $'toggles=\xc2\x9b2J\x9b1m\xe0\x82\x9b\xe2\x9b\x84\xc3\x9f' "$tmp/ram" "$tmp/loud"
LC_ALL=C sed -i $'s/class fault on RAM, store #/class \e]0;mi\xc2\x9b2J\e[2Jstores #/' "$tmp/loud"
for args in report stat "stat --by event"; do
	# shellcheck disable=SC2086 # split into words on purpose
	trace $args "$tmp/loud"
	[ -s "$tmp/out" ] && ! LC_ALL=C grep -q $'[\x01-\x08\x0b-\x1f\x7f]' "$tmp/out" "$tmp/err" && ! LC_ALL=C grep -q $'\xc2[\x80-\x9f]' "$tmp/out" "$tmp/err"
	ok $? "hstrace $args does not print characters that control a terminal"
done
trace report "$tmp/loud"
like "$out" '^# guest=\.\[31m\.\.red$' "report prints the rest of a string that has control characters"
is "$(sed -n 's/^# toggles=//p' "$tmp/out")" $'..2J.1m\xe0..\xe2\x9b\x84\xc3\x9f' "controls of eight bits are replaced, and other UTF-8 sequences are not"

# ---- usage errors ----
for args in "" "frobnicate" "save" "save --frob x y" "report" "report --events" "report --last x f" "report --frob 1 f" "report --vm x f" "report --from 1,5 f" "report --from 5 --until 2 f" "report --columns x f" "report --columns , f" "report f g" "levels" "levels --frob f" "levels a b" "stat a b" "stat --by x f" "stat --sort x f" "stat --live" "stat --live r f" "stat --count 0 --live r" "stat --interval x --live r" "stat --interval 5 f" "stat --count 3 f" "save --quiet r o" "stat --frob f" "events a b"; do
	# shellcheck disable=SC2086 # split into words on purpose
	trace $args
	[ "$status" = 2 ] && grep -q '^usage: hstrace' "$tmp/err"
	ok $? "a usage error prints the usage: hstrace $args"
done
trace events 'kvm_exit,nonesuch'
is "$status $err" "2 hstrace: there is no event 'nonesuch'" "an unknown event is reported by name"
trace events 'kvm_*,!kvm_exit'
[ "$status" = 0 ] && grep -q '^kvm_entry ' "$tmp/out" && ! grep -q '^kvm_exit ' "$tmp/out"
ok $? "hstrace events lists the events that a list selects"
for command in "" $("$bin/hstrace" --help | sed -n 's/^.*hstrace \([a-z]*\) .*/\1/p' | sort -u); do
	trace $command --help
	[ "$status" = 0 ] && grep -q '^usage: hstrace' "$tmp/out" && [ "$(awk 'length > 80' "$tmp/out" | wc -l)" = 0 ]
	ok $? "hstrace $command --help fits in 80 columns"
done

done_testing
