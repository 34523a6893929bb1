#!/bin/bash
# SPDX-License-Identifier: MIT
#
# diff.t - hstrace diff reports even the smallest difference between runs that repeat exactly, and only
# significant differences between runs that vary. mkram makes the runs, with known costs.
. "${HS_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"

bin=$O/tests/trace
needs_built "$bin/hstrace" "$bin/mkram"

compare()	# ARGS...
{
	"$bin/hstrace" diff "$@" >"$tmp/out" 2>"$tmp/err"
	status=$?
	out=$(cat "$tmp/out")
	err=$(cat "$tmp/err")
}

# Save a run: 1000 fault exits with a mean cost of 1030 + EXTRA, and EVENTS records with SBI calls and MMIO.
run()	# NAME EVENTS EXTRA META...
{
	local name=$1 words=() text
	"$bin/mkram" "$tmp/ram" 1 "$2" instret calls "$3"
	shift 3
	for text in "$@"; do words+=(--meta "$text"); done
	"$bin/hstrace" save "${words[@]}" "$tmp/ram" "$tmp/$name"
}

# ---- runs that repeat ----
run a 10 0 icount=1 "toggles=fp=lazy_save wfi=halt_poll" cpu=rv64
run same 10 0 icount=1 "toggles=fp=lazy_save wfi=halt_poll" cpu=rv64
run b 14 1 icount=1 "toggles=fp=eager wfi=halt_poll" cpu=rv64
compare "$tmp/a" "$tmp/same"
is "$status $out" "0 no difference: 2 rows" "if two runs are equal, diff reports no difference and returns 0"
compare "$tmp/a" "$tmp/b"
is "$status $err" "1 " "if two runs differ, diff returns 1"
like "$out" '^# toggles: fp=lazy_save -> fp=eager$' "the runs' parameters are compared word by word"
like "$out" $'^1 of 2 rows differ; mean cost in instructions; exact$' \
	"the heading gives the number of rows that differ"
like "$out" '^fault on RAM, store +1000 +1000 += +1030\.0 +1031\.0 +\+0\.1%' \
	"a mean that differs by one instruction is reported"
grep -q irq_s_timer "$tmp/out"
is "$?" 1 "rows without a difference are not shown"
compare --all "$tmp/a" "$tmp/b"
like "$out" '^irq_s_timer +1 +1 += +7\.0 +7\.0 +=$' "--all shows rows without a difference"
compare --by sbi "$tmp/a" "$tmp/b"
like "$out" '^TIME set_timer +3 +4 +\+33\.3% +900\.0 +1300\.0 +\+44\.4%' \
	"--by sbi compares SBI calls"
like "$out" '^costs of at least one run: measured from kvm_exit to kvm_entry, because' \
	"costs of runs that lack kvm_exit_cost are said to differ from the exit table's"
compare --by mmio "$tmp/b" "$tmp/a"
like "$out" ' write +3 +2 +-33\.3% +1300\.0 +900\.0 +-30\.8%' \
	"--by mmio compares device accesses, here with the runs swapped"
compare --events kvm_exit --by event --vcpu 0 "$tmp/a" "$tmp/b"
like "$out" '^kvm_exit +5 +7 +\+40\.0%' "diff accepts the options that select events"
compare --by sbi --events 'all,!kvm_sbi_call' "$tmp/a" "$tmp/same"
is "$status $out" "0 no difference: 0 rows" "runs without selected events do not differ"

# ---- runs that vary ----
for i in 1 2 3 4; do
	run "v$i" 10 $((i * 3)) icount=0
	run "w$i" 10 $((i * 3 + 5)) icount=0
	run "x$i" 10 $((i * 3 + 500)) icount=0
done
compare "$tmp/v1" "$tmp/w1"
is "$status" 1 "with one run on each side, a difference in the means is reported"
like "$out" 'may be chance; compare several: hstrace diff A1 A2 A3 vs B1 B2 B3' \
	"with one run on each side, diff suggests comparing several runs"
compare "$tmp"/v? vs "$tmp"/w?
is "$status $out" "0 no significant difference: 2 rows" \
	"a difference within the runs' variation is not significant"
compare "$tmp"/v? vs "$tmp"/x?
is "$status" 1 "a difference beyond the runs' variation is significant"
like "$out" '^1 of 2 rows differ; mean cost in instructions; 4 runs$' \
	"the heading gives the number of runs"
like "$out" '^fault on RAM, store +1000 +1000 += +1037\.5 +1537\.5 +\+48\.2%\*$' \
	"a star marks a significant difference"
compare --confidence 99.99999999999999 "$tmp"/v? vs "$tmp"/x?
is "$status" 0 "with a higher --confidence, the same difference is not significant"
for args in "v1 vs x1 x2" "x1 x2 vs v1"; do
	# shellcheck disable=SC2086 # split into words on purpose
	compare $(printf "$tmp/%s " $args | sed "s#$tmp/vs#vs#")
	is "$status $out" "2 " "one run is not compared with several: $args"
	like "$err" 'diff needs one trace, or at least two, on each side of' "diff says how many runs it needs: $args"
done
compare "$tmp/v1" vs "$tmp/x1"
is "$status" 1 "vs may separate one run from one other run"
compare --all "$tmp"/v? vs "$tmp"/x?
is "$(awk 'length > 80' "$tmp/out" | wc -l) $(wc -l <"$tmp/out")" "0 5" \
	"the output fits in 80 columns"

# ---- failures ----
head -c $(($(stat -c %s "$tmp/a") / 2)) "$tmp/a" >"$tmp/cut"
compare "$tmp/a" "$tmp/cut"
is "$status $(wc -l <"$tmp/err")" "2 1" "if a trace is damaged, diff does not compare it and returns 2"
compare "$tmp/a" "$tmp/none"
is "$status $err" "2 hstrace: $tmp/none: No such file or directory" \
	"if a file is missing, diff reports it and returns 2"
for args in "" "a" "a b c" "a vs" "vs b" "--frob a b" "--by x a b" "--confidence 0 a b" "--confidence 99 a b" "--confidence" "--confidence 9x a b"; do
	# shellcheck disable=SC2086 # split into words on purpose
	compare $args
	[ "$status" = 2 ] && grep -q '^usage: hstrace diff' "$tmp/err"
	ok $? "a usage error prints the usage: hstrace diff $args"
done
done_testing
