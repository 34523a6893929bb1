#!/bin/bash
# SPDX-License-Identifier: MIT
#
# linux-module-random.slow.t - processes whose threads are random VMMs (tests/kvm-api/random) use the Linux module, on Debian's
# kernel and on a debug kernel, where allocations and copies of user memory also fail. The harts have counters and
# vectors. With an odd seed, they have guest interrupt files, too, and two of them go and come back; with an even one, they
# lack Svadu, so Linux sets the A and D bits of its tables. Breakpoints at the ends of hook_in() and hook_out() delay the
# scheduler, which still reads the hook then, while another thread may use it. Meanwhile, events are switched on and off,
# Linux swaps, merges and moves pages, the processes answer faults of their threads (userfaultfd), and other VMs check
# their FP registers and vectors. Linux reports nothing, no page is written to while it is free, and on the debug kernel,
# no memory is lost.
#
# usage: linux-module-random.slow.t [SEED]   SEED repeats the choices of a run; each run prints it. ROUNDS=N (300, and
# 200 on the debug kernel). HS_KERNEL=stable or debug: only this kernel
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/linux.sh"
seed=${1:-$(date +%s)}
rounds=$(rounds_or 300) && debug_rounds=$(rounds_or 200) || exit
[ -e "$O/hyperscope.ko" ] || skip_all "$O/hyperscope.ko is missing: run 'make linux-module'"
diag "seed $seed"

# Print a kprobe for each return of the two functions.
probes()	# MODULE
{
	local name start at
	for name in hook_in hook_out; do
		start=$(riscv64-linux-gnu-nm "$1" | sed -n "s/ t $name\$//p")
		for at in $(riscv64-linux-gnu-objdump -d --disassemble=$name "$1" | sed -nE 's/^ *([0-9a-f]+):.*\sret$/\1/p'); do
			echo "p:$name$at hyperscope:$name+$((0x$at - 0x$start))"
		done
	done
}

echo "$fair_servers_off" >"$tmp/random.sh"
cat >>"$tmp/random.sh" <<'END'
	cd /sys/kernel/tracing
	cat /probes >kprobe_events && echo 1 >events/kprobes/enable || exit 1
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
	for module in $(cat /swap/order 2>/dev/null); do insmod /swap/$module || exit 1; done
	echo 300M >/sys/block/zram0/disksize && mkswap /dev/zram0 >/dev/null && swapon /dev/zram0 || exit 1
	echo 8 >/proc/sys/vm/nr_hugepages || exit 1
	cd /sys/kernel/mm/ksm && echo 1000 >pages_to_scan && echo 50 >sleep_millisecs && echo 1 >run || exit 1
	cd /sys/kernel/tracing
	hs=/sys/kernel/debug/hyperscope
	harts="1 2"
	# See "Harts that go offline" in docs/linux-module.md.
	grep -q riscv,imsics /proc/device-tree/soc/*/compatible || harts=
	while [ ! -e /tmp/end ]; do
		[ -n "$harts" ] || sleep 8
		for cpu in $harts; do
			echo 0 >/sys/devices/system/cpu/cpu$cpu/online
			sleep 0.3
			echo 1 >/sys/devices/system/cpu/cpu$cpu/online || echo c >/proc/sysrq-trigger # see on_module()
			sleep 1
		done
		echo all >$hs/events
		echo 1 >events/hs/enable
		cat $hs/trace $hs/exits /sys/kernel/debug/kvm/* /sys/kernel/debug/kvm/*/* >/dev/null 2>&1
		echo 0 >events/hs/enable
		echo none >$hs/events
		echo 1 >/proc/sys/vm/compact_memory
		for name in fp vector; do
			sleep 3
			/vmm --no-sandbox --quiet --irqchip user_plic --vcpus 2 --testdev /$name.bin >/tmp/$name.out 2>&1 && continue
			sed 's/^/# /' /tmp/$name.out
			touch /tmp/wrong
		done
	done &
	/random "$@" || { touch /tmp/wrong; dmesg | grep -A 80 sysrq | sed 's/^/# /'; }
	touch /tmp/end
	wait
	echo "# merged pages: $(cat /sys/kernel/mm/ksm/pages_sharing), swapped out: $(sed -n 's/^pswpout //p' /proc/vmstat)"
	swapoff /dev/zram0
	awk '/hook_in/ { in_ += $2 } /hook_out/ { out += $2 } END { print "# breakpoints:", in_, out; exit !in_ || !out }' \
		kprobe_profile || exit 1
	echo 0 >events/kprobes/enable
	echo >kprobe_events
	rmmod hyperscope || exit 1
	leaks=/sys/kernel/debug/kmemleak
	if [ -e $leaks ]; then
		for i in 1 2; do # a pointer to a lost object may be on a stack in the first scan
			sleep 6
			echo scan >$leaks || exit 1
		done
		head -n 60 $leaks | sed 's/^/# /' >/tmp/leaks
		cat /tmp/leaks
		[ ! -s /tmp/leaks ] || exit 1
	fi
	[ ! -e /tmp/wrong ]
END

machine=virt cpu=max,svadu=off
[ $((seed % 2)) = 0 ] || machine=aia cpu=max
checks="page_poison=1 kfence.sample_interval=10" # kfence: not on the debug kernel, which has KASAN
TIMEFORMAT='%U %S'

on_linux()	# NAME LINUX MODULE SECONDS ARGUMENT...
{
	probes "$O/$3" >"$tmp/probes"
	local file files=()
	for file in random.sh probes; do files+=(--file "$tmp/$file:/$file"); done
	for file in fp vector; do files+=(--file "$O/guest-payloads/$file.bin:/$file.bin"); done
	if [ "$2" = stable ]; then # the debug kernel contains zram
		for file in "$O"/linux_headers/modules/*; do files+=(--file "$file:/swap/${file##*/}"); done
	fi
	{ time on_module "$1" "$4" --linux "$2" --cpu "$cpu" --machine "$machine" --harts 3 --kernel-args "$checks" \
		--env "HS_TIME_SCALE=${HS_TIME_SCALE:-1}" --file "$O/vmm:/vmm" \
		--file "$O/tests/kvm-api/random:/random" "${files[@]}" "$O/guest/busybox" sh /random.sh "${@:5}"; } 2>"$tmp/time"
}

# For tests/fuzz/run --spent and --record
note_time()
{
	local steps
	steps=$(sed -n 's/^# .* rounds .*: \([0-9]*\) steps.*/\1/p' <<<"$out" | tail -n 1)
	mkdir -p "$O/fuzz"
	[ -z "$steps" ] || echo "linux_module $(tail -n 1 "$tmp/time") $steps" >>"$O/fuzz/spent"
}

kernels=${HS_KERNEL:-stable debug}
if [[ $kernels = *stable* ]]; then
	on_linux "Debian's kernel" stable hyperscope.ko $((150 + rounds)) "$rounds" "$seed"
	note_time
fi
if [[ $kernels = *debug* && -e $O/hyperscope_debug.ko ]]; then
	on_linux "a debug kernel" debug hyperscope_debug.ko $((250 + 10 * debug_rounds)) "$debug_rounds" "$((seed + 1000))" 4
	read -r steps failed < <(sed -n 's/^.* \([0-9]*\) steps, ioctls without memory: \([0-9]*\),.*/\1 \2/p' <<<"$out" | tail -n 1)
	[ -n "$late" ] || [ "$failed" -gt 0 ] || [ "$steps" -lt 5000 ] # ENOUGH in tests/kvm-api/random/main.c
	ok $? "a debug kernel: allocations have failed, unless there were few steps" || diag "$steps steps, $failed failed"
	note_time
elif [[ $kernels = *debug* ]]; then
	skip "a debug kernel" "$O/hyperscope_debug.ko is missing: run 'make linux-module KERNEL=debug'"
fi
done_testing
