#!/bin/bash
# SPDX-License-Identifier: MIT
#
# stream.t - hstrace save --follow stores all events of a run with more events than its rings hold,
# or counts those that it loses. tests/trace/producer.c stands in for the machine and writes events
# as harts do.
. "${HS_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"

bin=$O/tests/trace
needs_built "$bin/hstrace" "$bin/producer"

# Start a producer in the background and wait until its trace can be found. $producer is its process ID.
produce()	# HARTS RING EVENTS RATE
{
	rm -f "$tmp/ready"
	mkfifo "$tmp/ready"
	"$bin/producer" "$tmp/ram" "$@" >"$tmp/ready" &
	producer=$!
	exec 3<"$tmp/ready"
	read -r _ <&3
}

events()	# print the number of events, and `whole` if as many numbers are missing as events are reported lost
{
	"$bin/hstrace" report --columns hart,fields "$tmp/t" 2>&1 | tee "$tmp/numbers.all" | grep -v '^#' |
		sed 's/s*epc=\|pc=//; s/ scause.*//' >"$tmp/numbers"
	python3 - "$tmp/numbers" "$(sed -n 's/^# events: .*: //p' "$tmp/numbers.all")" <<'EOF'
import sys
last, missing, events = {}, 0, 0
for line in open(sys.argv[1]):
    hart, number = line.split()[:2]
    number = int(number, 16)
    missing += number - last.get(hart, -1) - 1
    if number <= last.get(hart, -1):
        sys.exit("hart %s: %d behind %d" % (hart, number, last[hart]))
    last[hart] = number
    events += 1
print(events, "whole" if missing == int(sys.argv[2]) else "%d missing, %s lost" % (missing, sys.argv[2]))
EOF
}

# ---- the rings wrap eight times, and nothing is lost ----
#
# Events are lost if the reader does not get a processor before a ring wraps, so the producer is
# slower on a slow or busy machine (HS_TIME_SCALE).
rate=$((40000 / ${HS_TIME_SCALE:-2}))
produce 2 0x80000 131072 $((rate > 4000 ? rate : 4000))
"$bin/hstrace" save --follow --meta guest=producer "$tmp/ram" "$tmp/t" 2>"$tmp/err"
is "$? $(cat "$tmp/err")" "0 hstrace: $tmp/t: 131072 events, 0 lost" \
	"save --follow ends with the run and prints the number of events"
wait $producer
is "$(events)" "131072 whole" "every event is in the file, in order"
"$bin/hstrace" report --last 1 "$tmp/t" >"$tmp/out"
like "$(cat "$tmp/out")" '^# events: 131072, of which lost \(overwritten or dropped\): 0$' \
	"report shows the number of events"
like "$(cat "$tmp/out")" '^# guest=producer$' "--meta is kept"
like "$("$bin/hstrace" stat --by vcpu "$tmp/t")" '^observation: 3 events on \(kvm_entry, kvm_exit, kvm_wfi\)' \
	"stat names an event that was switched on after the stream began"

# ---- a ring that wraps before it is read: lost events are counted ----
produce 1 0x4000 200000 0
wait $producer
"$bin/hstrace" save --follow "$tmp/ram" "$tmp/t" 2>"$tmp/err"
lost=$(sed -n 's/.*: 200000 events, \([0-9]*\) lost$/\1/p' "$tmp/err")
is "$((200000 - lost)) events" "$("$bin/hstrace" report "$tmp/t" | grep -vc '^#') events" \
	"overwritten records are counted as lost"

# ---- following a run's folder; ending by a signal ----
mkdir "$tmp/run"
(
	flock 9
	produce 1 0x80000 4000000 20000
	mv "$tmp/ram" "$tmp/run/ram"
	echo $producer >"$tmp/producer.pid"
	wait $producer
) 9>"$tmp/run/lock" 2>"$tmp/killed" &
for ((n = $(scaled 600); n > 0; n--)); do
	[ ! -s "$tmp/producer.pid" ] || break
	sleep 0.1
done
"$bin/hstrace" save --follow --quiet "$tmp/run" "$tmp/t" 2>"$tmp/err" &
follower=$!
for ((n = $(scaled 600); n > 0; n--)); do
	[ "$(stat -c %s "$tmp/t" 2>/dev/null || echo 0)" -lt 500000 ] || break
	sleep 0.1
done
"$bin/hstrace" report --last 1 "$tmp/t" >"$tmp/out" 2>"$tmp/err2"
is "$?" 1 "during the run, report treats the file as truncated"
like "$(cat "$tmp/err2")" 'truncated at byte [0-9]*; using what can be read' \
	"during the run, report names the byte at which the file ends"
like "$(cat "$tmp/out")" 'sepc|pc=0x' "during the run, report shows events"
kill -TERM $follower
wait $follower
is "$? $(cat "$tmp/err")" "0 " \
	"SIGTERM ends save --follow with status 0, and --quiet prints nothing"
like "$(events)" '^[1-9][0-9]* whole$' \
	"the file records how many events were not saved before the signal"

# ---- stat --live on the same run ----
"$bin/hstrace" stat --live "$tmp/run" --by event --count 2 >"$tmp/out" 2>"$tmp/err"
is "$? $(cat "$tmp/err") $(grep -c ' per second in the last [0-9.]* s' "$tmp/out")" "0  2" \
	"stat --live --count 2 prints two tables"
is "$(awk '/^kvm_e/ && $2 > 0 && $3 > 0 && $4 > 49 { n++ } END { print n }' "$tmp/out")" 4 \
	"stat --live has columns for the total, the rate per second and the share"
"$bin/hstrace" stat --live "$tmp/run" --by vcpu >"$tmp/out" 2>"$tmp/err"
is "$(grep -c ' per second in the last ' "$tmp/out") $(grep -c '^1\.0  *[1-9]' "$tmp/out")" "1 1" \
	"without a terminal, stat --live prints one table"
for ((n = 0; n < 256; n++)); do # functions of 1 MiB each, because the pc grows with every event
	printf '%x T f%d\n' $((n << 20 | 1)) $n
done >"$tmp/list"
"$bin/hstrace" stat --live "$tmp/run" --by function --kallsyms "$tmp/list" >"$tmp/out" 2>"$tmp/err"
is "$? $(cat "$tmp/err") $(grep -c '^unknown' "$tmp/out") $(grep -c '^f[0-9]*  *[1-9]' "$tmp/out" | sed 's/^[1-9][0-9]*$/some/')" \
	"0  0 some" "stat --live shows exits by function" || diag "$(cat "$tmp/out")"
if command -v script >/dev/null; then
	script -qefc "'$bin/hstrace' stat --live '$tmp/run' --by vcpu" "$tmp/screen" </dev/null >/dev/null 2>&1 &
	screen=$!
	for ((n = $(scaled 600); n > 0; n--)); do
		[ ! -e "$tmp/screen" ] || [ "$(grep -ac $'\033\\[H' "$tmp/screen")" -lt 2 ] || break
		sleep 0.1
	done
	[ "$n" -gt 0 ]
	ok $? "on a terminal, stat --live redraws its table every second"
else
	screen=
	skip "on a terminal, stat --live redraws its table every second" "script(1) is not installed"
fi
"$bin/hstrace" save --follow --quiet "$tmp/run" "$tmp/t" 2>"$tmp/err" &
follower=$!
kill -KILL "$(cat "$tmp/producer.pid")"
wait $follower
is "$?" 0 "save --follow ends when the run is killed"
if [ -n "$screen" ]; then
	wait "$screen"
	is "$?" 0 "stat --live on a terminal ends when the run is killed"
fi
wait

# ---- stat --live on a machine that is restarted ----
# The new machine's counters are lower: it has not accounted for exits, and its ring has fewer records.
"$bin/mkram" "$tmp/ram" 1 100 instret
"$bin/mkram" "$tmp/ram2" 1 10 none
for args in "" "--by event"; do
	# shellcheck disable=SC2086 # split into words on purpose
	timeout "$(scaled 60)" "$bin/hstrace" stat --live "$tmp/ram" $args --count 3 >"$tmp/live.out${args:+2}" 2>"$tmp/live.err${args:+2}" &
	lives+=($!)
done
sleep 0.5
dd if="$tmp/ram2" of="$tmp/ram" conv=notrunc status=none
for suffix in "" 2; do
	wait "${lives[0]}"
	is "$? $(cat "$tmp/live.err$suffix")" "1 hstrace: $tmp/ram: the machine was restarted" \
		"stat --live${suffix:+ --by event} ends if the machine is restarted" || diag "$(cat "$tmp/live.out$suffix")"
	lives=("${lives[@]:1}")
done

# ---- stat --live on a machine whose full ring keeps its oldest records, and drops others ----
# Start stat --live on $tmp/ram in the background, and wait for its first table. $live is its process ID.
live()	# OPTIONS...
{
	rm -f "$tmp/live.out"
	timeout "$(scaled 60)" "$bin/hstrace" stat --live "$tmp/ram" "$@" >"$tmp/live.out" 2>"$tmp/err" &
	live=$!
	wait_until 100 '[ -s "$tmp/live.out" ]'
}
MKRAM_KEEP=1 "$bin/mkram" "$tmp/ram" 1 10000 instret
MKRAM_KEEP=1 "$bin/mkram" "$tmp/ram2" 1 20000 instret
live --by event --count 3
dd if="$tmp/ram2" of="$tmp/ram" conv=notrunc status=none # the same records, and twice as many events
wait $live
is "$? $(sed -n 's/ in total, \([0-9]*\) per second.*/ \1/p' "$tmp/live.out" | uniq)" "0 4095 0" \
	"stat --live does not count records again when others are dropped" || diag "$(cat "$tmp/live.out" "$tmp/err")"
is "$(tail -n 1 "$tmp/live.out")" "15905 events were dropped, because full rings keep their oldest records" \
	"stat --live shows how many events were dropped"
unlike "$(cat "$tmp/live.out")" overwritten "stat --live does not call dropped events overwritten"

# ---- the columns of stat --live ----
# Change a file in place, from the end, because a hart's head lies before its records.
rewrite()	# FROM TO
{
	python3 - "$@" <<'EOF'
import os, sys
data, file = open(sys.argv[1], "rb").read(), os.open(sys.argv[2], os.O_WRONLY)
for at in reversed(range(0, len(data), 4096)):
    os.pwrite(file, data[at:at + 4096], at)
EOF
}
"$bin/mkram" "$tmp/ram" 1 10 instret calls
"$bin/mkram" "$tmp/ram2" 1 40 instret calls
live --by vcpu --filter 'kvm_exit: sepc == 10 || sepc == 14 || sepc == 16' --count 2 --interval "$(scaled 4)"
rewrite "$tmp/ram2" "$tmp/ram"
wait $live
is "$(sed -n 's/^1\.0 .*%  *//p' "$tmp/live.out" | tr -s ' ')" "2767 2912 3296" \
	"stat --live rounds the mean of 2100, 2900 and 3300 to the nearest number" || diag "$(cat "$tmp/live.out")"
is "$(awk 'length > 80' "$tmp/live.out")" "" "stat --live fits in 80 columns"
# Once one of a row's counters has exceeded 32 bits, its percentiles are not known.
"$bin/mkram" "$tmp/ram" 1 10 instret
live --count 2 --interval "$(scaled 4)"
python3 - "$tmp/ram" <<'EOF'
import os, struct, sys
at = open(sys.argv[1], "rb").read().index(struct.pack("<QQQ", 0, 1030000, 40000))  # unpriced, sum and max of the exits' tally
os.pwrite(os.open(sys.argv[1], os.O_WRONLY), struct.pack("<I", 1), at - 8)  # wraps
EOF
wait $live
is "$(sed -n 's/^fault on RAM, store .*100.00%  *//p' "$tmp/live.out" | tr -s ' ')" "0 - -" \
	"stat --live has no percentiles for a row whose counters have exceeded 32 bits" || diag "$(cat "$tmp/live.out")"

# ---- trace memory alone, as the file of the Linux module: nothing shows the end of the machine ----
"$bin/mkram" "$tmp/ram" 1 10 instret
"$bin/mkram" "$tmp/ram2" 1 100 instret
at=$(($(LC_ALL=C grep -abo HTRCMEM1 "$tmp/ram" | head -n 1 | cut -d: -f1) + 1))
tail -c "+$at" "$tmp/ram" >"$tmp/mem"
follow()	# FILE OUT: follow FILE in the background until its trace has been found
{
	rm -f "$2"
	timeout "$(scaled 60)" "$bin/hstrace" save --follow "$1" "$2" 2>"$tmp/err" &
	follower=$!
	wait_until 100 '[ -e '"$2"' ]'
	wait_until 3 false
}
follow "$tmp/mem" "$tmp/t2"
tail -c "+$at" "$tmp/ram2" >"$tmp/mem2"
rewrite "$tmp/mem2" "$tmp/mem"
wait_until 3 false
kill -TERM $follower
wait $follower
is "$? $(cat "$tmp/err")" "0 hstrace: $tmp/t2: 100 events, 0 lost" "save --follow follows trace memory alone until a signal"

# ---- an ignored signal, as under nohup ----
rm -f "$tmp/t2" "$tmp/live.out"
trap '' HUP # timeout(1) would stop ignoring it
"$bin/hstrace" save --follow --quiet "$tmp/mem" "$tmp/t2" 2>"$tmp/err" &
follower=$!
"$bin/hstrace" stat --live "$tmp/mem" --count 1000 >"$tmp/live.out" 2>>"$tmp/err" &
live=$!
trap - HUP
wait_until 100 '[ -e "$tmp/t2" ] && [ -s "$tmp/live.out" ]'
kill -HUP $follower $live
wait_until 5 false
kill -TERM $follower $live 2>"$tmp/gone"
wait $follower
status=$?
wait $live
is "$status $? $(cat "$tmp/err" "$tmp/gone")" "0 0 " \
	"save --follow and stat --live keep ignoring a SIGHUP that is ignored when they start, and end at SIGTERM"

# ---- the RAM is cut off while it is followed ----
follow "$tmp/mem" "$tmp/t2"
truncate -s 1000 "$tmp/mem"
wait $follower
is "$? $(cat "$tmp/err")" "1 hstrace: $tmp/mem: the file ends inside trace memory: it is truncated or damaged" \
	"save --follow ends with an error if the RAM cannot be read any more"
is "$("$bin/hstrace" report "$tmp/t2" 2>/dev/null | grep -vc '^#')" 100 "after an error, the file has the events that were read before"

# ---- failures ----
"$bin/hstrace" save --follow "$tmp/none" "$tmp/t2" 2>"$tmp/err"
is "$? $(cat "$tmp/err")" "2 hstrace: $tmp/none: No such file or directory" \
	"a missing RAM file is reported"
mkdir "$tmp/empty"
"$bin/hstrace" save --follow "$tmp/empty" "$tmp/t2" 2>"$tmp/err"
is "$? $(cat "$tmp/err")" "2 hstrace: $tmp/empty: no run in progress in this folder" \
	"a folder without a run is refused"
mkdir "$tmp/dead"
truncate -s 8M "$tmp/dead/ram"
: >"$tmp/dead/lock"
timeout "$(scaled 60)" "$bin/hstrace" save --follow "$tmp/dead" "$tmp/t2" 2>"$tmp/err"
is "$? $(cat "$tmp/err")" "1 hstrace: $tmp/dead: this is not the RAM of a machine that booted hyperscope" \
	"a run that ended before the host booted is refused"
for name in t short; do # a trace, and a file in which there is no room for a run descriptor
	echo "no RAM" >"$tmp/short"
	timeout "$(scaled 20)" "$bin/hstrace" save --follow "$tmp/$name" "$tmp/t2" 2>"$tmp/err"
	is "$? $(cat "$tmp/err")" "1 hstrace: $tmp/$name: this is not the RAM of a machine that booted hyperscope" \
		"save --follow does not wait for a file that cannot become a machine's RAM ($name)"
done
truncate -s 8M "$tmp/booting"
rm "$tmp/err"
"$bin/hstrace" save --follow "$tmp/booting" "$tmp/t2" 2>"$tmp/err" &
follower=$!
wait_until 100 '[ -s "$tmp/err" ]'
kill -TERM $follower
wait $follower
is "$? $(head -n 1 "$tmp/err")" "1 hstrace: $tmp/booting: waiting, because this is not the RAM of a machine that booted hyperscope" \
	"save --follow says what it waits for"
if [ -c /dev/full ]; then
	"$bin/mkram" "$tmp/ram" 1 10 instret
	timeout "$(scaled 60)" "$bin/hstrace" save --follow "$tmp/ram" /dev/full 2>"$tmp/err"
	is "$? $(cat "$tmp/err")" "1 hstrace: /dev/full: cannot be written: No space left on device" \
		"a full disk is reported"
fi
done_testing
