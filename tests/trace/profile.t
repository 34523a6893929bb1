#!/bin/bash
# SPDX-License-Identifier: MIT
#
# profile.t - hstrace profile finds the expected number of samples, in every mode, in the functions
# that a payload runs, and agrees with perf report.
. "${HS_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
! qemu_older 10.0 || skip_all "QEMU $(qemu_version): other instruction counts than QEMU 10.0's"
cd "$tmp" || exit 1
export PERF_CONFIG=/dev/null HOME=$tmp
hstrace=$O/hstrace
guest=$O/guest-payloads/sample.elf
trace=$tmp/runs/last/trace

# The rate is a prime number, to keep the samples out of step with the loops of the payload,
# tests/guest/sample.c.
hs run --out "$O" --icount --memory 64M --trace none --sample 9973 "$O/guest-payloads/sample.bin"
is "$status" 0 "the payload runs while it is sampled"
cp "$trace" trace
"$hstrace" profile --kallsyms "$guest" trace >table 2>err
is "$? $(cat err)" "0 " "hstrace profile succeeds"
"$hstrace" profile --events kvm_exit trace >out 2>err
like "$? $(tail -n 1 err)" '^1 .*no samples among the selected events$' "a selection without samples is not taken for a trace without any"

# between LEAST MOST MODE SYMBOL...: claim that these functions together have LEAST to MOST samples
# of MODE
between()
{
	local least=$1 most=$2 mode=$3 n
	shift 3
	n=$(awk -v mode="$mode" -v symbols=" $* " \
		'$3 == mode && index(symbols, " " $5 " ") { n += $1 } END { print n + 0 }' table)
	[ "$n" -ge "$least" ] && [ "$n" -le "$most" ]
	ok $? "$mode: $least to $most samples in $*" || diag "$n" "$(cat table)"
}

# 20 000 000 instructions give 199.6 samples, 100 200 instructions apart; the cost of sampling
# itself adds a few.
between 197 206 VS spin_vs
between 98 103 VS spin_vs_half
between 197 206 VU spin_vu
# 30 000 calls, each with 2 * 64 instructions on average in the guest and some 200 in the host.
between 25 70 VS call_core
between 35 90 HS vcpu_fast_sbi
# 3000 accesses, each with some 970 instructions in the host: 24 to 34 samples at three rates, of
# which 18 to 29 were in the first two functions and 4 to 8 in one of the next two. All accesses are
# alike, so their exact costs decide where in them the samples are.
between 8 45 HS exit_gstage_fault vcpu_run
between 1 20 HS sys_ioctl irq_window
n=$(awk '$3 == "U" { n += $1 } END { print n + 0 }' table)
[ "$n" -ge 3 ] && [ "$n" -le 60 ]
ok $? "U: 3 to 60 samples in the VMM, which answers 3000 accesses" || diag "$n" "$(cat table)"
like "$(cat table)" " U +vmm +[a-z_]" "the VMM's symbols are found beside hstrace"
is "$(awk '$3 ~ /^(U|VU|VS|HS)$/ { n += $1 } END { print n }' table)" \
	"$("$hstrace" report --events sample trace | grep -c ' sample: ')" "every sample is in the table"
"$hstrace" report --events sample trace | sed -n 's/^ *\([0-9.]*\) .*/\1/p' |
	awk 'NR == 1 { first = $1 } { last = $1 } END { print (NR > 500), (NR - 1) / (last - first) }' >rate
is "$(awk '{ print $1, ($2 > 9774 && $2 < 10073 ? 1 : 0) }' rate)" "1 1" \
	"samples are taken at the requested rate" ||
	diag "$(cat rate)"

# ---- folded ----
"$hstrace" profile --folded --kallsyms "$guest" trace >folded
is "$(sed 's/ [0-9]*$//' folded | grep -vcx '[A-Z]*;[^; ]*;[^; ]*')" 0 \
	"--folded prints MODE;PROGRAM;SYMBOL COUNT"
is "$(awk '{ n += $NF } END { print n }' folded)" "$(sed -n 's/^samples: //p' table)" \
	"--folded has as many samples as the table"
"$HS_TOP/scripts/hyperscope" flamegraph --out graph.svg folded 2>err
is "$? $(grep -c spin_vs_half graph.svg | sed 's/^[1-9][0-9]*$/some/')" "0 some" \
	"scripts/hyperscope flamegraph draws the output of --folded"
is "$("$hstrace" profile --by mode trace | awk 'NR > 2 { n += $1 } END { print n }')" \
	"$(sed -n 's/^samples: //p' table)" "--by mode has as many samples as the table"

# ---- a list of symbols instead of an ELF file ----
nm -n "$guest" >System.map 2>/dev/null || "${CROSS_COMPILE:-riscv64-linux-gnu-}nm" -n "$guest" >System.map
"$hstrace" profile --kallsyms System.map trace >table2
is "$(grep ' VS ' table2)" "$(grep ' VS ' table)" \
	"a System.map gives the same symbols as the guest's ELF file"

# ---- perf ----
if command -v perf >/dev/null; then
	"$hstrace" export --to perf --kallsyms "$guest" trace t.perf 2>err
	is "$? $(cat err)" "0 " "export --to perf accepts --kallsyms"
	perf report --stdio -i t.perf --sort dso,sym -n 2>err | sed -n "/'cpu-clock/,/^# Samples.*'hs:/p" |
		sed -n 's/^ *[0-9.]*% *\([0-9]*\) *\([^ ]*\) *\[\.\] \(.*[^ ]\) *$/\2 \3 \1/p' | LC_ALL=C sort >perf.txt
	awk 'NR > 2 { p = $4 == "guest-program" ? "guest-kernel" : $4; n[p " " $5] += $1 }
		END { for (s in n) print s, n[s] }' table | LC_ALL=C sort >ours.txt
	is "$(cat perf.txt)" "$(cat ours.txt)" "perf report and hstrace agree about every symbol" || diag "$(cat err)"
	"$hstrace" export --to perf --kallsyms System.map trace t2.perf
	like "$(perf report --stdio -i t2.perf --sort sym 2>/dev/null)" '\[\.\] spin_vs_half' \
		"export --to perf accepts a System.map"
	is "$(perf script -i t.perf 2>/dev/null | grep -c ' cpu-clock')" "$(sed -n 's/^samples: //p' table)" \
		"perf script has a line per sample"
else
	skip "perf report" "perf is not installed"
fi

# ---- many processes, and one that executes a second program ----
mksamples=$O/tests/trace/mksamples
needs_built "$mksamples"
address=0x$(sed -n 's/ T spin_vs$//p' System.map)
"$mksamples" ram "$address" 60000 && "$hstrace" save --meta icount=0 ram many && rm ram
# hstrace finds each sample's process in a tree, which takes a tenth of a second in all; searching
# all processes for each sample would take seconds.
is "$(timeout "$(scaled 60)" "$hstrace" profile --folded --by program many)" "$(printf 'U;second 60001\nU;first 1')" \
	"samples of 60000 forked processes are counted for the program of their parent"
if command -v script >/dev/null; then # stop reading the export for a while, so that it takes more than 2 s
	script -qefc "'$hstrace' export --to json many | (sleep 5; cat >/dev/null)" screen </dev/null >/dev/null 2>&1
	like "$(tr '\r' '\n' <screen)" '^hstrace: many: 65536 of 120004 events' "on a terminal, a command that takes more than 2 s shows its progress"
	is "$(grep -ac $'\r\033\\[K' screen)" 1 "at the end, it removes the line"
else
	skip "progress on a terminal" "script(1) is not installed"
fi
"$HS_TOP/tests/trace/drop.py" many lossy 100 2
"$hstrace" profile --by program lossy >out 2>err
is "$? $(cat err)" "0 hstrace: lossy: 2 events were lost and are not counted" "profile says that events were lost"
"$mksamples" ram "$address" 65544 && "$hstrace" save --meta icount=0 ram more && rm ram
timeout "$(scaled 60)" "$hstrace" profile --by mode more >out 2>err
is "$? $(grep -c . err) $(grep -o 'the last 10 exec and fork records' err)" \
	"0 1 the last 10 exec and fork records" "processes beyond 65536 are reported once, with their number" || diag "$(cat err)"
if command -v perf >/dev/null; then
	"$mksamples" ram "$address" 2 && "$hstrace" save --meta icount=0 ram few && rm ram
	"$hstrace" export --to perf --program first="$guest" few few.perf
	is "$(perf script -i few.perf 2>/dev/null | sed -n 's/^ *\([^ ]*\) .* cpu-clock:.* [0-9a-f]* \([^ ]*\) (.*/\1 \2/p')" \
		"$(printf 'first spin_vs+0x0\nsecond [unknown]\nsecond [unknown]\nsecond [unknown]')" \
		"perf does not use symbols of a program that a process has replaced by execve"
fi

# Limit files to 16 KiB, to simulate a full disk.
(ulimit -f 16 && trap '' XFSZ && "$hstrace" export --to perf --kallsyms "$guest" trace t3.perf) 2>err
is "$? $(grep -c 'cannot be written' err) $(echo t3.perf*)" "1 1 t3.perf*" \
	"an export to perf that fails leaves nothing behind" || diag "$(cat err)"

# Make the final rename fail: create a folder with the output's name while the export waits for the
# host's symbols, which it reads from a named pipe.
mkdir beside
cp "$hstrace" beside/
mkfifo beside/hyperscope.elf
beside/hstrace export --to perf --kallsyms "$guest" trace t4.perf 2>err &
until [ -e "$(echo t4.perf.??????)" ] || ! kill -0 $! 2>/dev/null; do
	sleep 0.05
done
mkdir t4.perf
: >beside/hyperscope.elf
wait $!
is "$? $(grep -c 't4.perf: cannot be written' err) $(echo t4.perf*)" "1 1 t4.perf" \
	"if the output of an export to perf cannot be renamed, nothing is left behind" || diag "$(cat err)"

# ---- a rate that the machine cannot sustain ----
#
# An instruction takes 1024 ns: without a minimum period, the host would do nothing but handle its
# own timer interrupts.
hs run --quiet --out "$O" --icount-shift 10 --harts 1 --memory 64M --trace none --sample 100000 hello
is "$status" 0 "if samples cost more than their period, the guest still makes progress" || diag "$err"
like "$("$hstrace" report --events sample "$trace")" 'mode=VS .* period=2[0-9]{4} ' \
	"samples have the minimum period, 2000 instructions"

# ---- idle harts, program names, changing the rate at run time ----
busybox=$O/guest/busybox
if [ -f "$busybox" ]; then
	cat >script <<'E2'
cd /sys/kernel/tracing
cat sample_hz
echo 0 >sample_hz 2>/dev/null || echo refused
echo 100001 >sample_hz 2>/dev/null || echo refused
echo 2000 >sample_hz
cat sample_hz
echo 1 >events/hs/sample/enable
i=0; while [ $i -lt 3000 ]; do i=$((i + 1)); done
echo 0 >events/hs/sample/enable
E2
	hs exec --quiet --icount --harts 2 --trace 'sched_process_*' --file script:/script "$busybox" sh /script
	is "$status $out" "0 997
refused
refused
2000" "sample_hz can be changed while the host runs" || diag "$err"
	"$hstrace" report --events sample "$trace" >report
	is "$(grep -c 'period=5000 ' report) $(grep -vc '^#\|period=5000 ' report)" "$(grep -c ' sample: ' report) 0" \
		"every sample has the new period"
	like "$(cat report)" 'mode=idle' "samples of a sleeping hart have mode=idle"
	like "$("$hstrace" profile --by program "$trace")" ' U +busybox' \
		"--by program shows the names of programs"
else
	skip "programs" "$busybox is missing: set-up could not fetch it"
fi

# ---- usage errors, invalid files ----
for args in "" "--by x trace" "--host" "--program = trace" "trace trace" "--frob trace"; do
	# shellcheck disable=SC2086 # split into words on purpose
	"$hstrace" profile $args >out 2>err
	[ $? = 2 ] && grep -q '^usage: hstrace profile' err && [ ! -s out ]
	ok $? "a usage error is reported: profile $args" || diag "$(cat out err)"
done
printf '0000000000000000 T _start\n' >hidden
head -c 3000 "$guest" >"cut"
: >empty
for row in "hidden|has no addresses" "cut|has no symbols|" "empty|neither an ELF file" "none|No such file" \
	"$hstrace|not a riscv64 ELF file"; do
	"$hstrace" profile --kallsyms "${row%%|*}" trace >out 2>err
	is "$? $(wc -l <err) $(grep -c "$(cut -d'|' -f2 <<<"$row")" err)" "2 1 1" "an invalid file is reported: $(basename "${row%%|*}")" ||
		diag "$(cat err)"
done
# Change the ELF header two bytes at a time, and read each file with the hstrace that is built with ASan.
if [ -x "$O/tests/trace/hstrace" ]; then
	bad=0
	for ((i = 16; i < 64; i += 2)); do
		cp "$guest" strange
		printf '\377\377' | dd of=strange bs=1 seek=$i conv=notrunc 2>/dev/null
		"$O/tests/trace/hstrace" profile --kallsyms strange trace >out 2>err
		[[ $? = [02] ]] && ! grep -q Sanitizer err || { bad=$((bad + 1)); diag "$i: $(head -n 3 err)"; }
	done
	is "$bad" 0 "a damaged ELF header does not cause a sanitizer report"
fi
"$hstrace" profile --help >out 2>err
[ $? = 0 ] && grep -q -- '--kallsyms FILE' out && grep -q -- '--folded' out && ! grep -q '.\{81\}' out
ok $? "--help lists the options, in 80 columns" || diag "$(cat out err)"

done_testing
