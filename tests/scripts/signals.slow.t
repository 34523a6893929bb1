#!/bin/bash
# SPDX-License-Identifier: MIT
#
# signals.slow.t - a command that gets HUP, INT or TERM at a random moment from its start to its end
# is killed by the signal or exits with 128 plus the signal's number, prints no traceback, and
# leaves nothing behind.
#
# usage: signals.slow.t [SEED]
. "${HS_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
needs_plugin profile
seed=${1:-$RANDOM}
diag "seed $seed"

told_program()	# MOMENTS PROGRAM ARGUMENT...: claim that told.py finds no error
{
	is "$(python3 "$HS_TOP/tests/scripts/told.py" "$seed" "$1" "$HS_TOP/$2" "${@:3}" 2>&1)" "" "${*:3:4}: a signal at any moment ends it properly"
}

told()	# MOMENTS COMMAND...
{
	told_program "$1" scripts/hyperscope "${@:2}"
}

told 20 run --quiet --out "$O" hello
told 20 run --quiet --out "$O" --trace-stream hello
told 15 exec --quiet --out "$O" "$O/tests/progs/ends" exit 0
told 10 probe --out "$O"
told 25 profile --out "$O" --top 1 hello
told 15 irqs-off --out "$O" exits
told 15 anatomy --out "$O" mmio_read
told 15 bench hyperscope --out "$O" --rows sbi_version
told 10 reproduce list
told 10 walk --list
told 10 lab --list
told 10 kselftest --list
echo 'main;f 1' >"$tmp/stacks"
told 10 flamegraph "$tmp/stacks"
# lab is run only with --list: without it, lab writes to the folder that the user named, and a
# signal leaves unfinished output there.
[ ! -f "$O/guest/vmlinux" ] || told 15 linux-kvm exec --out "$O" --timeout 100 "$O/guest/busybox" true
[ ! -f "$O/kselftest/get-reg-list" ] || told 8 kselftest --out "$O" --short --no-instructions get-reg-list
if command -v gdb-multiarch >/dev/null; then
	told 10 gdb --out "$O" hello -- -batch -ex 'info registers pc'
else
	skip "gdb: a signal at any moment ends it properly" "gdb-multiarch is not installed"
fi
# CBMC and a fuzz target are stubs here, which run for one second. CBMC's reaches one goal.
printf '#!/bin/sh\n[ "$1" = --version ] && echo 6.0.0 && exit\necho "[a.coverage.1] : SATISFIED"\nexec sleep 1\n' >"$tmp/stub"
chmod +x "$tmp/stub" && mkdir -p "$tmp/out/fuzz" && cp "$tmp/stub" "$tmp/out/fuzz/insn" || exit 125
CBMC=$tmp/stub told_program 8 tests/proofs/run --out "$O" memslot/find
told_program 8 tests/fuzz/run --out "$tmp/out" --seconds 1 insn
done_testing
