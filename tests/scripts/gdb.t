#!/bin/bash
# SPDX-License-Identifier: MIT
#
# gdb.t - with --gdb, the machine waits for gdb, and gdb stops at the host's first line and at an
# exit; and the host clears what a reset may leave in senvcfg.
. "${HS_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
command -v gdb-multiarch >/dev/null || skip_all "gdb-multiarch is not installed (scripts/hyperscope setup test)"

debug()	# LAUNCHER-OPTION... -- GDB-COMMAND...: sets $status (the launcher's) and $said (gdb's output)
{
	local options=() commands=() launcher socket
	while [ "$1" != -- ]; do options+=("$1"); shift; done
	shift
	for c in "$@"; do commands+=(-ex "$c"); done
	"$HS_TOP/scripts/hyperscope" run --gdb --timeout "$(scaled 60)" "${options[@]}" hello \
		>"$tmp/out" 2>"$tmp/err" </dev/null &
	launcher=$!
	for _ in $(seq 1 "$(scaled 100)"); do
		socket=$(sed -n "s/.*target remote \([^']*\)'.*/\1/p" "$tmp/err" 2>/dev/null)
		[ -z "$socket" ] || [ ! -S "$socket" ] || break
		sleep 0.1
	done
	said=$(timeout "$(scaled 50)" gdb-multiarch -q -nx -batch -ex 'set osabi none' \
		-ex 'set confirm off' -ex 'set breakpoint pending on' \
		-ex "target remote $socket" "${commands[@]}" "$O/hyperscope.elf" 2>&1 </dev/null)
	wait $launcher
	status=$?
}

for how in "" --icount; do
	debug $how --harts 1 --vcpus 1 -- 'hbreak host_main' 'continue' 'delete' \
		'hbreak exit_dispatch' 'continue' 'print/x $scause' 'print (unsigned long)$hgatp >> 60' 'delete' 'continue'
	like "$said" "Breakpoint 1, .*host_main" "gdb stops the host at its first line ${how:-without --icount}"
	like "$said" "Breakpoint 2, " "gdb stops at an exit"
	like "$said" "= (8|9|10)$" "at the exit, hgatp has the mode of a G-stage page table"
	is "$status" 0 "the run continues to its end" || diag "$said"
done
debug --harts 2 --vcpus 1 -- 'hbreak *0x80200000' 'continue' 'set $senvcfg = 1' 'print $senvcfg' 'thread 2' \
	'set $senvcfg = 1' 'print $senvcfg' 'delete' 'hbreak host_main' 'hbreak secondary_main' 'continue' \
	'print $senvcfg' 'continue' 'print $senvcfg' 'delete' 'continue'
is "$(sed -n 's/^\$[1-4] = //p' <<<"$said" | tr '\n' ' ')" "1 1 0 0 " \
	"both harts clear senvcfg, in which gdb has set FIOM, when they start" || diag "$said"
is "$(left_running)" "" "nothing is left running"
done_testing
