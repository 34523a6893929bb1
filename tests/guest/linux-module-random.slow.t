#!/bin/bash
# SPDX-License-Identifier: MIT
#
# linux-module-random.slow.t - processes whose threads are random VMMs (tests/kvm-api/random) use the Linux module, on Debian's
# kernel and on a debug kernel, where allocations and copies of user memory also fail. The harts have counters and
# vectors. Linux reports nothing, and no memory is lost.
#
# usage: linux-module-random.slow.t [SEED]   SEED repeats the choices of a run; each run prints it. ROUNDS=N (300, and
# 200 on the debug kernel)
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/linux.sh"
seed=${1:-$(date +%s)}
rounds=$(rounds_or 300) && debug_rounds=$(rounds_or 200) || exit
[ -e "$O/hyperscope.ko" ] || skip_all "$O/hyperscope.ko is missing: run 'make linux-module'"
diag "seed $seed"

cat >"$tmp/random.sh" <<'END'
	for fault in failslab fail_page_alloc fail_usercopy; do
		at=/sys/kernel/debug/$fault
		[ -d $at ] || continue
		echo 0 >$at/verbose
		[ $fault = fail_usercopy ] && continue
		[ $fault = failslab ] || echo 0 >$at/min-order
		echo N >$at/ignore-gfp-wait
		echo -1 >$at/times
		echo Y >$at/task-filter # processes that write to make-it-fail
		echo 15 >$at/probability # percent
	done
	/random "$@" || exit 1
	rmmod hyperscope || exit 1
	[ -e /sys/kernel/debug/kmemleak ] || exit 0
	for i in 1 2; do # a pointer to a lost object may be on a stack in the first scan
		sleep 6
		echo scan >/sys/kernel/debug/kmemleak || exit 1
	done
	head -n 60 /sys/kernel/debug/kmemleak | sed 's/^/# /' >/tmp/leaks
	cat /tmp/leaks
	[ ! -s /tmp/leaks ]
END

TIMEFORMAT='%U %S'

on_linux()	# NAME LINUX SECONDS ARGUMENT...
{
	{ time on_module "$1" "$3" --linux "$2" --cpu max --file "$O/tests/kvm-api/random:/random" --file "$tmp/random.sh:/random.sh" \
		"$O/guest/busybox" sh /random.sh "${@:4}"; } 2>"$tmp/time"
}

on_linux "Debian's kernel" stable $((150 + rounds)) "$rounds" "$seed"
if [ -e "$O/hyperscope_debug.ko" ]; then
	on_linux "a debug kernel" debug $((250 + 10 * debug_rounds)) "$debug_rounds" "$((seed + 1000))" 4
	like "$(tail -n 1 <<<"$(grep 'without memory' <<<"$out")")" 'without memory: [1-9]' "a debug kernel: allocations have failed"
	mkdir -p "$O/fuzz" # for tests/fuzz/run --spent and --record
	echo "linux_module $(tail -n 1 "$tmp/time") $(sed -n 's/^# .* rounds .*: \([0-9]*\) steps.*/\1/p' <<<"$out" | tail -n 1)" >>"$O/fuzz/spent"
else
	skip "a debug kernel" "$O/hyperscope_debug.ko is missing: run 'make linux-module KERNEL=debug'"
fi
done_testing
