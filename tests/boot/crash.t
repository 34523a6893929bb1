#!/bin/bash
# SPDX-License-Identifier: MIT
#
# crash.t - a host that panics prints its last trace events, even if the trace rings are damaged,
# and stops. Most panics here are requested by a write to /proc/sysrq-trigger, which exists only
# with the boot argument sysrq=1. A boot argument with an invalid value ends the boot with a panic.
. "${HS_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
busybox=$O/guest/busybox
needs_fetched "$busybox"
hstrace=$O/hstrace

said()	# HART: print the events of this hart that the log shows after the panic, without "trace: "
{
	sed -n '/^host: panic: /,$p' <<<"$err" | sed -n "s/^trace: \([0-9][0-9.]* $1 \)/\1/p"
}

# same HART N: compare the hart's events in the log with its last N events in the trace, by time,
# hart, vCPU, event, and each field that hstrace shows as a number, and print the differences.
# Events in the trace that are later than the last one in the log are ignored, because the other
# hart continues while the log is written.
same()
{
	said "$1" >"$tmp/said"
	"$hstrace" report --columns time,hart,vcpu,event,fields --hart "$1" "$tmp/runs/last/trace" |
		awk -v last="$(tail -n 1 "$tmp/said" | cut -d ' ' -f 1)" '!/^#/ && $1 <= last' |
		tail -n "$2" >"$tmp/have"
	paste -d '|' "$tmp/said" "$tmp/have" | awk -F'|' '{
		n = split($1, got, " "); m = split($2, have, " ")
		if (n < 4 || m < 4) { print "missing: " $0; next }
		for (i = 1; i <= 4; i++) if (got[i] != have[i]) print got[i] " is not " have[i] ": " $0
		for (i = 5; i <= m; i++) if (have[i] ~ /=(0x[0-9a-f]+|-?[0-9]+)$/ && index(" " $1 " ", " " have[i] " ") == 0)
			print have[i] " is not there: " $0
	}'
}

# ---- without the boot argument, no panic can be requested ----
cat >"$tmp/try" <<'E2'
ls /proc/sysrq-trigger 2>&1
echo c >/proc/sysrq-trigger
echo alive
E2
hs exec --quiet --file "$tmp/try:/try" "$busybox" sh /try
is "$status $(tail -n 1 <<<"$out")" "0 alive" "without sysrq=1, no program can crash the host"

# ---- the last events ----
cat >"$tmp/crash" <<'E2'
/vmm --quiet --memory 64M /hello.bin
echo x >/proc/sysrq-trigger
i=0
while [ $i -lt 20 ]; do echo "marker $i" >/sys/kernel/tracing/trace_marker; i=$((i + 1)); done
echo z >/proc/sysrq-trigger
echo "alive"
echo 'the last word	' >/sys/kernel/tracing/trace_marker
echo c >/proc/sysrq-trigger
echo "not alive"
E2
hs exec --trace all --boot 'sysrq=1 trace.crash=40' --file "$tmp/crash:/crash" --file "$O/vmm" \
	--file "$O/guest-payloads/hello.bin" "$busybox" sh /crash
is "$status $(tail -n 1 <<<"$out")" "125 alive" "writing c to sysrq-trigger panics the host and ends the machine at once"
like "$err" 'the host panicked: sysrq: a crash was requested' "the launcher prints the reason for the panic"
for hart in 0 1; do
	is "$(said $hart | wc -l)" 40 "the last 40 events of hart $hart are shown" || diag "$err"
	is "$(same $hart 40)" "" "the events in the log are those in the trace, field by field"
done
like "$(said '[01]')" 'print: part=0 buf=the last buf8= word\? buf16= buf24=$' \
	"a program's text is shown with a question mark for an unprintable character"
like "$(said 0 | tail -n 1; said 1 | tail -n 1)" 'sys_enter: id=64 arg0=0x1 ' \
	"the last event is the write that requested the panic"
like "$(sed '/^host: panic: /,$d' <<<"$err")" 'print: part=0 buf=marker 1 buf8=9 ' "writing z to sysrq-trigger prints the events, and the host continues"

hs exec --trace all --boot 'sysrq=1 trace.crash=0' --file "$tmp/crash:/crash" "$busybox" sh /crash
is "$status $(said '[01]' | wc -l)" "125 0" "with trace.crash=0, a panic does not print events"
echo 'echo o >/proc/sysrq-trigger; echo alive' >"$tmp/overflow"
hs exec --trace none --boot sysrq=1 --file "$tmp/overflow:/overflow" "$busybox" sh /overflow
is "$status $(grep -c '^trace: [0-9]' <<<"$err")" "125 0" "a panic prints no events if nothing is traced"
like "$err" 'the host panicked: kernel stack overflow at 0x' \
	"writing o overflows a kernel stack, and the unmapped page below the stack stops the overflow"

# ---- a value that a parameter does not have ----
for value in gstage_walk=slow halt_poll_ns=4294967296 zero_page=2; do
	hs exec --boot "kvm.$value" "$busybox" echo alive
	is "$status $out" "125 " "kvm.$value ends the boot"
	like "$err" "the host panicked: kvm.$value: no such value" "... and the launcher prints the reason"
done

# ---- damaged rings ----
# Before it requests the panic, the program waits for a line of input. Meanwhile, damage.py
# overwrites rings, or data of the kernel, in the file that holds the machine's RAM.
cat >"$tmp/wait" <<'E2'
i=0
while [ $i -lt 30 ]; do echo "marker $i" >/sys/kernel/tracing/trace_marker; i=$((i + 1)); done
echo ready
read go
echo c >/proc/sysrq-trigger
E2
cat >"$tmp/damage.py" <<'E2'
"""damage.py RAM WHAT ELF - overwrite part of the trace memory (hv/trace_mem.h) or of the kernel of a running
machine."""
import random
import re
import struct
import sys
from hs import paths
from hs.anatomy import symbols
from hs.run import rundir

what = sys.argv[2]
with open(sys.argv[1], "r+b", buffering=0) as ram:
    ram.seek(rundir.DESC_OFFSET)
    desc = struct.unpack(rundir.DESC_FORMAT, ram.read(struct.calcsize(rundir.DESC_FORMAT)))
    base, size = desc[5] - 0x80000000, desc[6]
    ram.seek(base)
    head = struct.unpack("<QIIQIIIIIIQQQQQQQ", ram.read(104))
    area, ring = base + head[12], head[15]
    if what == "records":
        ram.seek(area + ring)
        ram.write(b"\xff" * 65536)
    elif what == "head":
        ram.seek(area)
        ram.write(struct.pack("<Q", 0xfedcba9876543210))
    elif what == "header":
        ram.seek(base)
        ram.write(random.Random(1).randbytes(152))
    elif what == "pointer":  # the pointer through which a hart writes its records
        ram.seek(area + 16)
        ram.write(struct.pack("<Q", 0x1000))
    elif what == "tree":  # the pointer to the device tree, needed to power the machine off
        names = symbols.run([paths.cross_tool("nm"), sys.argv[3]])
        first, tree = (int(re.search(r"^(\w+) \w %s$" % name, names, re.M)[1], 16)
                       for name in ("run_desc", "host_fdt"))
        ram.seek(rundir.DESC_OFFSET + tree - first)
        ram.write(struct.pack("<Q", 0x1000))
E2
damaged()	# WHAT EVENTS: damage WHAT in a waiting machine and let it panic; sets $status and $err
{
	rm -f "$tmp/in" "$tmp/out"
	mkfifo "$tmp/in"
	exec 3<>"$tmp/in"
	timeout --kill-after=5 "$(scaled 60)" "$HS_TOP/scripts/hyperscope" exec --harts 1 --trace "$2" --boot sysrq=1 \
		--timeout "$(scaled 50)" --file "$tmp/wait:/wait" "$busybox" sh /wait <&3 >"$tmp/out" 2>"$tmp/err" &
	until grep -qs ready "$tmp/out" || ! kill -0 $! 2>/dev/null; do
		sleep 0.05
	done
	PYTHONPATH=$HS_TOP/scripts PYTHONDONTWRITEBYTECODE=1 python3 "$tmp/damage.py" "$tmp/runs/last/ram" "$1" \
		"$O/hyperscope.elf"
	ok $? "the memory of a waiting machine can be changed: $1"
	echo go >&3
	wait $!
	status=$?
	exec 3>&-
	err=$(tr -d '\0' <"$tmp/err")
}

damaged none print
is "$status $(said 0 | wc -l)" "125 16" "a waiting machine shows 16 events when it panics"
damaged records print
is "$status" 125 "with a ring full of ones, the panic ends the machine"
like "$err" '^trace: hart 0: 16 of these 16 are damaged' "records full of ones are reported as damaged"
damaged head print
is "$status" 125 "with a ring's head out of range, the panic ends the machine"
like "$err" '^trace: hart 0: 16 of these 16 are damaged' "with a ring's head out of range, every record is reported as damaged"
damaged header print
is "$status" 125 "with a random trace header, the panic ends the machine"
is "$(said 0 | grep -c 'print: part=0 buf=marker ')" 16 "with a random trace header, the intact records are shown"
damaged pointer all
is "$status" 125 "a hart that writes through a wild pointer panics, and the machine shuts down"
like "$err" 'host: panic: store page fault at' "the panic after a write through a wild pointer names the store page fault"
is "$(said 0 | wc -l)" 16 "the panic after a write through a wild pointer shows the last 16 events"
damaged tree print
is "$status $(said 0 | wc -l)" "125 16" "a panic ends the machine even if there is no valid device tree with which to power it off"
is "$(left_running)" "" "nothing is left running"
done_testing
