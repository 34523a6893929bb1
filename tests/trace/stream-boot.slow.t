#!/bin/bash
# SPDX-License-Identifier: MIT
#
# stream-boot.slow.t - stream the events of a whole boot of Debian's kernel, with every event on.
# The rings have the host's default size and wrap during the boot; no event is lost.
. "${HS_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
[ -f "$O/guest/vmlinux" ] && [ -f "$O/guest-initrd.cpio" ] || skip_all "there is no guest: scripts/hyperscope setup run"

HS_SECONDS=240 hs run --out "$O" --quiet --vcpus 2 --harts 2 --trace all --trace-stream --boot trace.size=8M \
	--command 'nproc; exit 5'
is "$status" 5 "the guest boots and ends" || diag "$(tail -n 5 <<<"$err")"
"$O/hstrace" report "$tmp/runs/last/trace" >"$tmp/report" 2>"$tmp/err"
is "$? $(cat "$tmp/err")" "0 " "report reads the trace without an error"
read -r written lost <<<"$(sed -n 's/^# events: \([0-9]*\), of which lost[^:]*: \([0-9]*\)$/\1 \2/p' "$tmp/report")"
is "$lost" 0 "none of ${written:-no} events is lost"
[ "${written:-0}" -gt $((2 * 131072)) ]
ok $? "the trace has more events than the rings hold"
is "$(grep -vc '^#' "$tmp/report")" "$written" "report shows each event"
diag "$(awk '!/^#/ { if (!n++) first = $1; last = $1 } END { printf "%d events in %.1f s: %d a second", n, last - first, n / (last - first) }' "$tmp/report")"
done_testing
