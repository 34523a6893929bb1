#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The basis of `make bench`: under --icount a run repeats to the byte, and the figures are counts of
# instructions. No figure is judged here.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
needs_built "$O/vmm"

for n in 1 2; do
	hs run --quiet --icount hello
	is $status 0 "hello runs with --icount, run $n" || diag "$err"
	mv "$tmp/out" "$tmp/hello.$n"
done
cmp -s "$tmp/hello.1" "$tmp/hello.2"
ok $? "two such runs print the same bytes, times included" || diag "$(diff "$tmp"/hello.[12])"

bench()	# ARGS...: $status, $out, $err
{
	timeout --kill-after=5 "$(scaled 120)" "$HS_TOP/scripts/hyperscope" bench --out "$O" "$@" \
		>"$tmp/out" 2>"$tmp/err"
	status=$?
	out=$(cat "$tmp/out") err=$(cat "$tmp/err")
}

# ---- what make asks for ----
of_make()	# NAME=VALUE...: the processors that `make bench` would measure
{
	make -n -C "$HS_TOP" O="$O" bench "$@" 2>/dev/null | grep '/scripts/hyperscope bench ' | grep -oE -- '--cpu[ =][a-z0-9]+' | xargs
}
is "$(of_make "ARGS=--rows mmio_read"):$(of_make "ARGS=--rows mmio_read" CPU=max)" "--cpu both:--cpu max" \
	"make bench has both processors measured, or that of CPU="
is "$(of_make "ARGS=--cpu rv64 --rows mmio_read"):$(of_make ARGS=--cpu=max CPU=rv64)" "--cpu rv64:--cpu=max" \
	"... and where ARGS has --cpu that one alone"

# ---- measured twice by itself, and compared ----
bench bare hyperscope --rows sbi_version,mmio_read --toggle mmio_decode --csv "$tmp/csv" --verify
is $status 0 "--verify: two runs give the same figures" || diag "$out" "$err"
like "$out" 'verify: [0-9]+ rows, all figures are the same' "and it says so"
like "$out" '^mmio_read +3\.[0-9] +[0-9]+ ' "the table has a row: bare, hyperscope"
like "$out" '^mmio_decode=fetch +mmio_read +[0-9]+ +[0-9]+ +\+[0-9]+' "and a row for what a toggle adds"
like "$err" '^bench: 1 of 3, ' "progress is shown meanwhile"
is "$(awk 'length > 80' "$tmp/out")" "" "no line is longer than 80 characters"
like "$(cat "$tmp/csv")" '^hyperscope,mmio_read,default,rv64,instructions,32768,[0-9.,]+,' \
	"the CSV has a row a measurement"
like "$(cat "$tmp/csv")" 'OpenSBI v[0-9.]+ ' "the row names the firmware"
sed -n 's/^bare,mmio_read,default,rv64,instructions,32768,/&1/; /^bare,mmio_read\|^system/p' \
	"$tmp/csv" >"$tmp/other"
bench bare --rows mmio_read --against "$tmp/other"
is $status 1 "--against: a figure that differs is found" || diag "$out" "$err"
like "$out" '^against .*: bare mmio_read default rv64: min [0-9.]+ and 1[0-9.]+' "by name"

# ---- other clocks ----
bench hyperscope --cycles --rows mmio_read,timer_late_5us --csv "$tmp/csv"
like "$(cat "$tmp/csv")" '^hyperscope,mmio_read,default,rv64,cycles,32768,[1-9]' "--cycles: by rdcycle"
like "$(cat "$tmp/csv")" '^hyperscope,timer_late_5us,default,rv64,instructions,64,' \
	"but a wake-up's lateness by the clock"
for unit in cycles ns; do
	printf 'bench,sbi_version,%s,32768,307,307,307,307,307,307\n' $unit >"$tmp/$unit"
done
bench hyperscope linux --rows sbi_version --from hyperscope="$tmp/cycles" --from linux="$tmp/ns"
like "$out" '^sbi_version +- +307 +307 +- +- +-$' "cycles and nanoseconds have no ratio and no goal"
like "$out" '^Different units have no ratio: cycles for hyperscope, ns for linux' "... and a note says so"
bench hyperscope linux --rows sbi_version --from hyperscope="$tmp/ns" --from linux="$tmp/ns"
like "$out" '^sbi_version +- +307 +307 +1\.00 ' "... figures of one unit have a ratio"
bench hyperscope --single --rows mmio_read --csv "$tmp/csv"
like "$(cat "$tmp/csv")" '^hyperscope,mmio_read,default,rv64,instructions,1024,[0-9]+\.00,[0-9]+\.00,' \
	"--single: one operation a sample, whole instructions"

# ---- the two ways of I/O, by two clocks that were compared: each batch has all places within a tick ----
bench hyperscope --rows io_out,io_in,timer_now,sbi_set_timer --csv "$tmp/csv"
agree()	# ROW: its batches agree within 2 %
{
	awk -F, -v row="$1" '$2 == row && $6 == 3200 && $7 > 0 && $10 <= 1.02 * $7 { found = 1 } END { exit !found }' "$tmp/csv"
	ok $? "$1 is there, and its batches agree" || diag "$out" "$err"
}
agree io_out
agree io_in
awk -F, '{ p50[$2] = $8 } END { more = p50["timer_now"] - p50["sbi_set_timer"]; exit !(more > 2 && more < 20) }' "$tmp/csv"
ok $? "an interrupt that is due adds its handler to SBI TIME" || diag "$(cut -d, -f 1-8 "$tmp/csv")"

# ---- scale: an exit costs the same among 8 vCPUs, and among 16 VMs ----
bench hyperscope --rows run_vcpus,run_8_vcpus,run_vms,run_16_vms --csv "$tmp/csv"
flat()	# FEW MANY: the medians differ by at most 5 %
{
	awk -F, -v few="$1" -v many="$2" '{ p50[$2] = $8 } END {
		exit !(p50[few] > 0 && p50[many] >= p50[few] * 0.95 && p50[many] <= p50[few] * 1.05) }' \
		"$tmp/csv"
	ok $? "$2 costs what $1 does, within 5 %" || diag "$(cut -d, -f 1-8 "$tmp/csv")"
}
flat run_vcpus run_8_vcpus
flat run_vms run_16_vms

# ---- wrong use ----
refused()	# REGEX ARGS...
{
	bench "${@:2}"
	is $status 2 "refused: ${*:2}"
	like "$err" "$1" "and it says why"
	is "$(wc -l <"$tmp/err")" 1 "in one line" || diag "$err"
}
refused "there is no system 'nonsense'" nonsense
refused "there is no row 'nonsense'" --rows nonsense
refused "there is no toggle 'nonsense'" --toggle nonsense
refused "there is no toggle 'nonsense'" --set nonsense=1
refused "toggle gstage_huge takes on or off" --set gstage_huge=maybe
refused "--rows: no row is named" --rows ''
refused "--exitstat: .*'bogus'.*auto" --exitstat bogus
refused "unknown option --wrong" --wrong
bench --firmware /nowhere/fw.bin
is $status 125 "a firmware that is not there ends it"
like "$err" "firmware /nowhere/fw.bin: No such file" "and it says so"
printf '\x6f\0\0\0' >"$tmp/stuck" # j .
bench bare --rows nothing --firmware "$tmp/stuck" --timeout 2
is $status 125 "a firmware that starts nothing ends by --timeout"
like "$err" "has not started the payload within 2 seconds" "and it says so"
mkdir "$tmp/o"
ln -s "$O"/* "$tmp/o"
rm "$tmp/o/tests"
bench hyperscope --rows run_same --out "$tmp/o"
is $status 125 "a row whose program is not built ends it"
like "$err" "/tests/kvm/bench_turns is missing: make builds it" "and it says what builds it"
bench bare --rows nothing --out "$tmp/o"
is $status 0 "and no other row needs that program" || diag "$err"
bench hyperscope --from "hyperscope=/dev/null"
is $status 2 "a log without figures is refused" || diag "$err"
done_testing
