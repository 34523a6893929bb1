#!/bin/bash
# SPDX-License-Identifier: MIT
#
# large.slow.t - report, stat, diff, html and every export handle ten million events in 128 MiB of
# address space, a fifth of the file's size. EVENTS=N sets another number of events.
. "${HS_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"

bin=$O/tests/trace hstrace=$O/hstrace events=${EVENTS:-10000000}
needs_built "$bin/mkguest" "$hstrace"
cd "$tmp" || exit 1
"$bin/mkguest" ram 2 2 "$events" instret && "$hstrace" save --meta icount=0 --meta map=virt ram t
ok $? "a trace of $events events is created"
rm -f ram
for command in "report t" "stat t" "stat --by sbi t" "diff --by event t t" "html --out h t" \
	"export --to csv t" "export --to json t" "export --to trace-cmd t o" "export --to perf t o" \
	"export --to perfetto t o" "export --to ctf t o"; do
	TIMEFORMAT='%U %S'
	# shellcheck disable=SC2086 # split into words on purpose
	{ time bash -c 'ulimit -v 131072; exec "$@"' - "$hstrace" $command >/dev/null 2>err; } 2>spent
	status=$?
	is "$status $(cat err)" "0 " "hstrace $command: 128 MiB of address space is enough"
	diag "$(awk '{ printf "%.2f s of processor time", $1 + $2 }' spent)"
	rm -rf o h
done
done_testing
