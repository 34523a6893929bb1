#!/bin/bash
# SPDX-License-Identifier: MIT
#
# stream-rate.slow.t - save --follow reads a million events per second of wall time from rings of the default
# size for ten seconds without loss. The processor time of saving and showing ten million events is limited.
. "${HS_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"

producer=$O/tests/trace/producer hstrace=$O/hstrace events=10000000
needs_built "$producer" "$hstrace"

spent()	# COMMAND...: run it, discard its standard output, and set $ms to its processor time in milliseconds
{
	local TIMEFORMAT='%U %S'
	{ time "$@" >/dev/null 2>"$tmp/err"; } 2>"$tmp/time"
	ms=$(awk '{ printf "%d", ($1 + $2) * 1000 }' "$tmp/time")
}

# Other work on this machine may delay the reader for longer than a ring takes to fill, so there are
# three attempts.
lost=none
for attempt in 1 2 3; do
	mkfifo "$tmp/ready.$attempt"
	"$producer" "$tmp/ram" 2 0x800000 $events 1000000 >"$tmp/ready.$attempt" &
	exec 3<"$tmp/ready.$attempt"
	read -r _ <&3
	spent "$hstrace" save --follow "$tmp/ram" "$tmp/t"
	rate=$(sed -n 's/.* events, \([0-9]*\) a second$/\1/p' <&3)
	lost=$(sed -n "s/.*: $events events, \([0-9]*\) lost$/\1/p" "$tmp/err")
	diag "$rate events a second: $lost lost; the follower took $ms ms of processor time"
	[ "$lost" != 0 ] || [ "$rate" -lt 900000 ] || break
done
is "$lost" 0 "save --follow does not lose any event from rings of 8 MiB"
[ "$rate" -ge 900000 ]
ok $? "the producer writes at least 900 000 events per second" || diag "$rate a second"
[ "$ms" -lt 5000 ]
ok $? "save --follow uses less than half a processor"

spent "$hstrace" report "$tmp/t"
diag "report: $events events in $ms ms of processor time"
[ "$ms" -lt $((events / 2000)) ]
ok $? "report shows at least two million events per second of processor time"
(ulimit -v 16384; exec "$hstrace" report "$tmp/t") 2>"$tmp/err" | tail -n 1 >"$tmp/out"
like "$(cat "$tmp/out")" ' kvm_entry: pc=0x4c4b3f class=NONE$' \
	"report shows ten million events in 16 MiB of address space"
done_testing
