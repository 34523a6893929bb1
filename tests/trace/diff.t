#!/bin/bash
# SPDX-License-Identifier: MIT
#
# diff.t - hstrace diff: between runs that repeat exactly it reports the smallest difference and its size;
# between runs that vary, only what is not chance. mkram makes the runs, with known costs.
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

# A run: 1000 exits for faults with a mean of 1030 + EXTRA, and events with their calls.
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
is "$status $out" "0 no difference: 2 rows" "the same run twice: no difference, status 0"
compare "$tmp/a" "$tmp/b"
is "$status $err" "1 " "another run: status 1"
like "$out" '^# toggles: fp=lazy_save -> fp=eager$' "the runs' parameters are compared word by word"
like "$out" $'^1 of 2 rows differ; mean cost in instructions; exact$' "... and the rows"
like "$out" '^fault on RAM, store +1000 +1000 += +1030\.0 +1031\.0 +\+0\.1%' "a single instruction is found"
grep -q irq_s_timer "$tmp/out"
is "$?" 1 "equal values are not shown"
compare --all "$tmp/a" "$tmp/b"
like "$out" '^irq_s_timer +1 +1 += +7\.0 +7\.0 +=$' "... but with --all"
compare --by sbi "$tmp/a" "$tmp/b"
like "$out" '^TIME set_timer +3 +4 +\+33\.3% +900\.0 +1300\.0 +\+44\.4%' "--by sbi compares calls"
compare --by mmio "$tmp/b" "$tmp/a"
like "$out" ' write +3 +2 +-33\.3% +1300\.0 +900\.0 +-30\.8%' "... and --by mmio devices, the other way round"
compare --events kvm_exit --by event --vcpu 0 "$tmp/a" "$tmp/b"
like "$out" '^kvm_exit +5 +7 +\+40\.0%' "the options that choose events choose here, too"
compare --by sbi --events 'all,!kvm_sbi_call' "$tmp/a" "$tmp/same"
is "$status $out" "0 no difference: 0 rows" "nothing is no difference"

# ---- runs that vary ----
for i in 1 2 3 4; do
	run "v$i" 10 $((i * 3)) icount=0
	run "w$i" 10 $((i * 3 + 5)) icount=0
	run "x$i" 10 $((i * 3 + 500)) icount=0
done
compare "$tmp/v1" "$tmp/w1"
is "$status" 1 "one of each: they differ"
like "$out" 'may be chance; compare several: hstrace diff A1 A2 A3 vs B1 B2 B3' "... and what is missing is reported"
compare "$tmp"/v? vs "$tmp"/w?
is "$status $out" "0 no significant difference: 2 rows" "a difference within what runs vary is chance"
compare "$tmp"/v? vs "$tmp"/x?
is "$status" 1 "a large one is not"
like "$out" '^1 of 2 rows differ; mean cost in instructions; 4 runs$' "... which the heading says"
like "$out" '^fault on RAM, store +1000 +1000 += +1037\.5 +1537\.5 +\+48\.2%\*$' "... and a star"
compare --confidence 99.99999999999999 "$tmp"/v? vs "$tmp"/x?
is "$status" 0 "--confidence asks for more"
compare --all "$tmp"/v? vs "$tmp"/x?
is "$(awk 'length > 80' "$tmp/out" | wc -l) $(wc -l <"$tmp/out")" "0 5" "the output fits into 80 columns"

# ---- trouble ----
head -c $(($(stat -c %s "$tmp/a") / 2)) "$tmp/a" >"$tmp/cut"
compare "$tmp/a" "$tmp/cut"
is "$status $(wc -l <"$tmp/err")" "2 1" "a damaged trace is not compared: status 2"
compare "$tmp/a" "$tmp/none"
is "$status $err" "2 hstrace: $tmp/none: No such file or directory" "a file that is not there"
for args in "" "a" "a b c" "a vs" "vs b" "--frob a b" "--by x a b" "--confidence 0 a b" "--confidence" "--confidence 9x a b"; do
	# shellcheck disable=SC2086 # words on purpose
	compare $args
	[ "$status" = 2 ] && grep -q '^usage: hstrace diff' "$tmp/err"
	ok $? "wrong use prints the usage: hstrace diff $args"
done
done_testing
