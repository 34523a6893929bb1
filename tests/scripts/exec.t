#!/bin/bash
# SPDX-License-Identifier: MIT
#
# exec.t - a program on the host has the launcher's standard files, and the launcher returns its status.
. "${HS_TOP:-$(dirname "$0")/../..}/tests/lib/tap.sh"
progs=$O/tests/progs

hs exec --quiet --env HS_WORD="two words" --env HS_FILE=/etc/greeting --file "$tmp/in:/etc/greeting" \
	"$progs/tellfiles" one "two three" ""
is "$status" 125 "a --file that is not there is refused"
echo "good day" >"$tmp/greeting"
hs exec --quiet --env HS_WORD="two words" --env HS_FILE=/etc/greeting \
	--file "$tmp/greeting:/etc/greeting" "$progs/tellfiles" one "two three" ""
is "$status" 0 "a program runs"
is "$out" "argv[0]=/tellfiles
argv[1]=one
argv[2]=two three
argv[3]=
isatty(0)=0
isatty(1)=0
isatty(2)=0
HS_WORD=two words
file /etc/greeting: good day" "it has its arguments, environment and files, and no terminal"
is "$err" "to stderr" "and nothing else is printed with --quiet"

hs exec --quiet "$progs/ends" exit 42
is "$status" 42 "its exit status is returned"
hs exec --quiet "$progs/ends" signal 15
is "$status" 143 "128 + N if a signal ended it"
hs exec --quiet --timeout "$(scaled 2)" "$progs/ends" never
is "$status" 124 "a time-out ends it"
is "$(left_running)" "" "and leaves nothing running"
like "$err" '^hyperscope: ended after .* \(--timeout\); thread [0-9]+ \(ends\) slept$' "... and the message names the program's thread"
hs exec --quiet --timeout "$(scaled 3)" --file "$O/guest-payloads/fault_loop.bin" "$O/vmm" --watchdog 0 --smp 1 \
	--append how=handler /fault_loop.bin
like "$status $err" '^124 hyperscope: ended after .*; vCPU 0 of VM 1 was in its guest on hart [01], entered at 0x802' \
	"for a virtual machine the message has what each vCPU was doing"

# Names that become parts of QEMU's options: the memory file, ports, a disk, the socket for gdb.
cp "$progs/ends" "$tmp/a,share=off"
truncate -s 1M "$tmp/disk:1,readonly=on"
(cd "$tmp" && HS_RUNS="$tmp/run,s" "$HS_TOP/scripts/hyperscope" exec --quiet --icount \
	--disk "disk:1,readonly=on" "a,share=off" exit 43 </dev/null) >"$tmp/out" 2>"$tmp/err"
is "$? $(cat "$tmp/err")" "43 " "commas and colons in names are parts of names"

# ---- a trace ----
hs exec --trace sys_enter "$progs/ends" exit 7
trace=$(sed -n 's/^trace: //p' <<<"$err")
is "$status" 7 "a program is traced, its status returned"
[ -n "$trace" ] && "$O/hstrace" report "$trace" 2>&1 | grep -q sys_enter
ok $? "and the trace's place is printed" || diag "$err"

# ---- bytes ----
head -c 3000000 /dev/urandom >"$tmp/in"
hs exec --quiet "$progs/copy"
cmp "$tmp/in" "$tmp/out" 2>&1 | head -n 1
cmp -s "$tmp/in" "$tmp/out"
ok $? "every byte goes in and comes out unchanged, to the end of the input"
like "$err" "^3000000 bytes, sum" "standard error is a file of its own"

hs exec --quiet --icount "$progs/copy"
cmp -s "$tmp/in" "$tmp/out"
ok $? "with --icount, too"
rm "$tmp/in"

now_ms()
{
	echo $(($(date +%s%N) / 1000000))
}
t0=$(now_ms)
hs exec --quiet "$progs/copy" 1
t1=$(now_ms)
hs exec --quiet "$progs/copy" 64000000
ms=$(($(now_ms) - t1 - (t1 - t0)))	# without the machine's start
[ $ms -gt 0 ] || ms=1
is "$(stat -c %s "$tmp/out")" 64000000 "64 MB come out"
diag "$((64000 / ms)) MB/s"

# A slow reader loses nothing, and if a reader ends, only the writing ends.
"$HS_TOP/scripts/hyperscope" exec --quiet --timeout "$(scaled 60)" "$progs/copy" 5000000 </dev/null \
	2>"$tmp/err" | (sleep 2; wc -c) >"$tmp/count"
is "$(cat "$tmp/count")" 5000000 "a slow reader loses nothing"
"$HS_TOP/scripts/hyperscope" exec --quiet --timeout "$(scaled 60)" "$progs/copy" 500000000 </dev/null \
	2>/dev/null | head -c 10 >/dev/null
is "$(left_running)" "" "when the reader closes its end, the run ends"

# ---- one order for output and error in one file ----
"$HS_TOP/scripts/hyperscope" exec --quiet "$progs/tellfiles" >"$tmp/both" 2>&1 </dev/null
like "$(cat "$tmp/both")" "to stderr" "output and error may be one file"

# ---- runs repeat to the byte ----
hs exec --quiet --icount "$progs/copy" 1000000
first=$(cat "$tmp/out" "$tmp/err" | md5sum)
hs exec --quiet --icount "$progs/copy" 1000000
is "$(cat "$tmp/out" "$tmp/err" | md5sum)" "$first" "two runs with --icount print the same"

# ---- side by side ----
for i in 1 2 3; do
	"$HS_TOP/scripts/hyperscope" exec --quiet --timeout "$(scaled 60)" "$progs/tellfiles" "$i" \
		>"$tmp/side.$i" 2>/dev/null </dev/null &
done
wait
is "$(cat "$tmp"/side.? | grep '^argv.1.')" "argv[1]=1
argv[1]=2
argv[1]=3" "runs side by side do not disturb each other"
[ -d "$tmp/runs/last/" ]
ok $? "and the last one is linked"

# ---- a terminal ----
hs_on_terminal()	# INPUT ARGS...: through script(1)'s terminal
{
	local input=$1
	shift
	printf '%b' "$input" | timeout "$(scaled 40)" script -qec "stty rows 33 cols 99; \
		'$HS_TOP/scripts/hyperscope' exec --quiet --timeout $(scaled 30) $*; echo status \$?; stty -a" \
		/dev/null | tr -d '\r'
}
if command -v script >/dev/null; then
	text=$(hs_on_terminal '' "$progs/tellfiles")
	like "$text" "^isatty\(0\)=1" "on a terminal the program has one"
	like "$text" "^window 33x99" "of the terminal's size"
	like "$text" "^canonical 1 echo 1" "with a line discipline"
	text=$( (sleep 3; printf '\001x') | timeout "$(scaled 40)" script -qec \
		"'$HS_TOP/scripts/hyperscope' exec --quiet $progs/ends never; echo status \$?; stty -a" /dev/null)
	like "$text" "status 130" "Ctrl-A X quits"
	like "$text" "[^-]icanon.*|[^-]echo " "and the terminal is as it was"
else
	skip "a terminal" "script(1) is not installed"
fi
done_testing
