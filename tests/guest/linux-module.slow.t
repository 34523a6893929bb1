#!/bin/bash
# SPDX-License-Identifier: MIT
#
# linux-module.slow.t - the module builds for Debian's kernel; payloads and programs that test /dev/kvm
# run on it; it shares the harts with kvm.ko; harts go and come back while a VM runs; guests have guest interrupt
# files; events are tracepoints and are in debugfs. Linux reports no warning.
#
# With HS_KERNEL=newest, for the newest kernel that Debian has (linux-module-newest.slow.t). With HS_KERNEL=debug, for a
# debug kernel, which has KASAN, lockdep, kmemleak and others (linux-module-debug.slow.t).
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/linux.sh"
kernel=${HS_KERNEL:-stable} longest=250
case $kernel in
stable) headers=$O/linux_headers/headers kvm_module=$O/guest/modules/kvm.ko purpose=linux-module ;;
newest) headers=$O/linux_headers_newest/headers kvm_module=$O/linux_newest/modules/kvm.ko purpose=linux-module-newest ;;
debug) headers=$O/linux_debug/headers kvm_module=$O/linux_debug/modules/kvm.ko purpose=linux-debug longest=1000 ;;
esac
[ -d "$headers" ] || skip_all "$headers is missing: run 'scripts/hyperscope setup $purpose'"

make -C "$HS_TOP" --no-print-directory O="$O" linux-module-only KERNEL="$kernel" >"$tmp/make" 2>&1
is $? 0 "the module builds" || diag "$(tail -n 20 "$tmp/make")"
is "$(grep -c 'warning:' "$tmp/make")" 0 "the compiler has no warning" || diag "$(grep -A 3 'warning:' "$tmp/make" | head -n 20)"

# DKMS builds it from the package's sources. Debian's headers name the kernel's compiler, such as gcc-14.
if [ $kernel = debug ]; then
	diag "DKMS: tested with Debian's kernels"
elif command -v dkms >/dev/null; then
	make -C "$HS_TOP" --no-print-directory O="$O" linux-module-package >"$tmp/make" 2>&1
	is $? 0 "the package for DKMS is made" || diag "$(tail -n 20 "$tmp/make")"
	mkdir -p "$tmp/dkms" "$tmp/installed" "$tmp/bin"
	dpkg-deb -x "$O/hyperscope-dkms.deb" "$tmp/package"
	headers=$(realpath "$headers") version=$(cat "$HS_TOP/VERSION") uapi=$O/uapi/usr
	for number in 14 15 16; do ln -s "$(command -v riscv64-linux-gnu-gcc)" "$tmp/bin/riscv64-linux-gnu-gcc-$number"; done
	PATH=$tmp/bin:$PATH ARCH=riscv CROSS_COMPILE=riscv64-linux-gnu- \
		HV_UAPI_INCLUDE="-isystem $uapi/include -isystem $uapi/lib/linux/uapi/riscv" \
		dkms build -m hyperscope -v "$version" -k "${headers##*linux-headers-}" -a riscv64 --kernelsourcedir "$headers" \
		--dkmstree "$tmp/dkms" --sourcetree "$tmp/package/usr/src" --installtree "$tmp/installed" >"$tmp/make" 2>&1
	is "$?,$(find "$tmp/dkms" -name hyperscope.ko | wc -l)" 0,1 "DKMS builds the module" ||
		diag "$(tail -n 20 "$tmp/make" "$tmp"/dkms/*/*/build/make.log)"
else
	skip DKMS "dkms is not installed"
fi

on_linux()	# NAME OPTION... PROGRAM ARGUMENT...
{
	on_module "$1" $longest --linux $kernel "${@:2}"
}

payloads="exits mmio mmio_hard fp harts timer sbi hostile"
files=()
for name in $payloads; do
	files+=(--file "$O/guest-payloads/$name.bin:/$name.bin")
done
cat >"$tmp/payloads.sh" <<-'END'
	failed=0
	for name; do
		echo "# payload $name"
		/vmm --no-sandbox --quiet --vcpus 2 --testdev /$name.bin || failed=1
	done
	exit $failed
END
on_linux payloads "${files[@]}" --file "$O/vmm:/vmm" --file "$tmp/payloads.sh:/payloads.sh" \
	"$O/guest/busybox" sh /payloads.sh $payloads
on_linux "fp=eager, gstage_walk=recursive" --set fp=eager --set gstage_walk=recursive \
	--file "$O/guest-payloads/fp.bin:/fp.bin" "$O/vmm" --no-sandbox --quiet --vcpus 2 /fp.bin

# Guests have vectors. While Linux uses them, too, in softirqs and threads of a module for this purpose, no register is wrong.
for variant in lazy_trap eager; do
	on_linux "vector, fp=$variant" --cpu max --set fp=$variant --file "$O/guest-payloads/vector.bin:/vector.bin" \
		"$O/vmm" --no-sandbox --quiet --vcpus 2 --testdev /vector.bin
	[ -n "$late" ] || is "$(grep -c 'VS Dirty: 32 registers' <<<"$out")" 5 "vector, fp=$variant: the guest has vectors"
done
mkdir "$tmp/noise"
cp "$HS_TOP"/tests/kvm-api/noise/*.c "$tmp/noise/"
echo 'obj-m := vector_noise.o deep_idle.o ad_updates.o' >"$tmp/noise/Kbuild"
make -s -C "$(realpath "$headers")" M="$tmp/noise" ARCH=riscv CROSS_COMPILE=riscv64-linux-gnu- CC=riscv64-linux-gnu-gcc modules \
	>"$tmp/make" 2>&1
is $? 0 "the modules that use vectors, act as an idle state, and ask the firmware, build" || diag "$(tail -n 20 "$tmp/make")"
cat >"$tmp/noise.sh" <<-'END'
	failed=0 noise=/sys/module/vector_noise/parameters
	insmod /noise.ko || exit
	for pair in "eager lazy_save" "lazy_trap lazy_trap"; do
		echo "# $pair"
		/vector $1 $pair || failed=1
	done
	[ $(cat $noise/uses) -gt 100 ] && [ $(cat $noise/wrong) = 0 ] || failed=1
	echo "# Linux: $(cat $noise/uses) uses of vectors, $(cat $noise/wrong) wrong"
	rmmod vector_noise
	exit $failed
END
rounds=150
[ $kernel != debug ] || rounds=40
on_linux "vectors of Linux" --cpu max --file "$O/tests/kvm-api/vector:/vector" --file "$tmp/noise/vector_noise.ko:/noise.ko" \
	--file "$tmp/noise.sh:/noise.sh" "$O/guest/busybox" sh /noise.sh $rounds

# The harts lose their CSRs some 1000 times per second, as in an idle state. On the debug kernel, that would take all the time.
pause=300
[ $kernel != debug ] || pause=20000
cat >"$tmp/idle.sh" <<-'END'
	insmod /deep_idle.ko pause=$1 || exit
	failed=0
	for name in timer harts; do
		echo "# payload $name"
		/vmm --no-sandbox --quiet --vcpus 2 --testdev /$name.bin || failed=1
	done
	idled=$(cat /sys/module/deep_idle/parameters/idled)
	echo "# idled: $idled"
	[ $idled -gt 100 ] || failed=1
	rmmod deep_idle
	exit $failed
END
on_linux "harts that idle" --cpu max --machine aia --file "$O/vmm:/vmm" --file "$O/guest-payloads/timer.bin:/timer.bin" \
	--file "$O/guest-payloads/harts.bin:/harts.bin" --file "$tmp/noise/deep_idle.ko:/deep_idle.ko" --file "$tmp/idle.sh:/idle.sh" \
	"$O/guest/busybox" sh /idle.sh $pause

# If harts have Svade and Svadu, Linux sets A and D itself, and the module must not have the hardware do so.
cat >"$tmp/ad.sh" <<-'END'
	insmod /ad_updates.ko && read -r on </sys/module/ad_updates/parameters/on
	[ "$on" = 0 ] || printf 'not '
	echo "ok 1 - the firmware leaves updates of A and D to Linux"
	echo 1..1
END
on_linux "A and D bits" --cpu max,svade=on --file "$tmp/noise/ad_updates.ko:/ad_updates.ko" --file "$tmp/ad.sh:/ad.sh" \
	"$O/guest/busybox" sh /ad.sh
on_linux "pages that are not dirty" --cpu rv64,svadu=off,svade=on "$O/tests/kvm-api/sbi"
cat >"$tmp/full.sh" <<-'END'
	mkdir /cgroup
	mount -t cgroup2 none /cgroup && echo +memory >/cgroup/cgroup.subtree_control && mkdir /cgroup/vmm || exit 1
	echo 32M >/cgroup/vmm/memory.max
	echo 0 >/cgroup/vmm/cgroup.procs
	exec /full_cgroup
END
on_linux "a full cgroup" --file "$O/tests/kvm-api/full_cgroup:/full_cgroup" --file "$tmp/full.sh:/full.sh" "$O/guest/busybox" sh /full.sh

on_linux "device memory" --env HS_OURS=1 --qemu-args "-device edu" "$O/tests/kvm-api/device_memory"
# Debian's kernels are configured without CONFIG_VFIO_NOIOMMU, which this test needs.
[ $kernel != debug ] || on_linux "VFIO" --machine aia --cpu max --qemu-args "-device edu,dma_mask=0xffffffffff \
	-object memory-backend-ram,id=memory,size=4M,share=on -device ivshmem-plain,memdev=memory" "$O/tests/kvm-api/passthrough"
on_linux "tagged addresses" --cpu max "$O/tests/kvm-api/tagged"
on_linux "guest time" --file "$O/tests/kvm-api/guest_time:/guest_time" "$O/guest/busybox" sh -c /guest_time
on_linux "deadline threads" "$O/tests/kvm-api/deadline"

# With --icount, instructions and time are exact. Without it, two harts run at the same time, so counters are tested both ways.
if [ $kernel = debug ]; then
	for name in spinning "counters, exactly"; do
		skip "$name" "QEMU 10.0 fails an assertion (diff >= 0) with --icount when this kernel boots"
	done
else
	# A vCPU that spins yields the hart. Otherwise, each of these would take 6 ms on average.
	on_linux "spinning" --icount --harts 1 --file "$O/guest-payloads/spinning.bin:/spinning.bin" \
		"$O/vmm" --quiet --vcpus 2 --append limit_us=5000 /spinning.bin
	on_linux "counters, exactly" --cpu max --icount "$O/tests/kvm-api/pmu_threads" exact
fi
on_linux "counters, on two harts" --cpu max "$O/tests/kvm-api/pmu_threads"
on_linux "payload pmu" --cpu max --file "$O/guest-payloads/pmu.bin:/pmu.bin" "$O/vmm" --no-sandbox --quiet --vcpus 2 --testdev /pmu.bin
echo "$fair_servers_off" >"$tmp/hotplug.sh"
cat >>"$tmp/hotplug.sh" <<-'END'
	online=0 changes=0
	/pmu_threads &
	while kill -0 $! 2>/dev/null; do
		echo $online >/sys/devices/system/cpu/cpu1/online && kill -0 $! 2>/dev/null && changes=$((changes + 1))
		online=$((1 - online))
		sleep 0.05
	done
	wait $! || exit
	echo "# $changes changes"
	[ $changes -ge 2 ]
END
# On a machine without IMSICs, OpenSBI may hang (docs/linux-module.md, "Harts that go offline").
on_linux "counters, while hart 1 goes and comes back" --cpu max --machine aia --file "$O/tests/kvm-api/pmu_threads:/pmu_threads" \
	--file "$tmp/hotplug.sh:/hotplug.sh" "$O/guest/busybox" sh /hotplug.sh
cat >"$tmp/save.sh" <<-'END'
	cd /tmp
	/vmm --no-sandbox --quiet --testdev --memory 32M --save counting --save-rounds 0 --append pause=$1 /save.bin &&
		/vmm --no-sandbox --quiet --restore counting
END
on_linux "counters of a saved guest" --cpu max --file "$O/vmm:/vmm" --file "$O/guest-payloads/save.bin:/save.bin" \
	--file "$tmp/save.sh:/save.sh" "$O/guest/busybox" sh /save.sh "$(scaled 20)" # the debug kernel is slow
is "$(grep -c '^ok.* count' <<<"$out")" 3 "a guest that is saved while it counts keeps its counts"

# The module has been loaded with replace_kvm=1. A VM that is stopped while it runs keeps the harts.
echo "$fair_servers_off" >"$tmp/harts.sh"
cat >>"$tmp/harts.sh" <<-'END'
	n=0
	claim() { n=$((n + 1)); if [ "$1" = "$2" ]; then echo "ok $n - $3"; else echo "not ok $n - $3: $1, not $2"; fi; }
	run() { /vmm --no-sandbox --quiet --vcpus 2 --testdev /"$1".bin >/tmp/out 2>&1; echo $?; }
	setting() { cat /sys/module/hyperscope/parameters/"$1"; }
	vm_stopped() { # a VM that holds the harts; its VMM is $vmm
		/vmm --no-sandbox --quiet --vcpus 2 --testdev /harts.bin >/dev/null 2>&1 &
		vmm=$!
		while kill -0 $vmm && ! ls -l /proc/$vmm/fd | grep -q kvm-vcpu; do :; done
		kill -STOP $vmm
	}
	vm_ends() { kill -KILL $vmm; wait $vmm; }

	claim "$(setting fp)" lazy_trap "a toggle's initial value is in /sys/module"
	echo eager >/sys/module/hyperscope/parameters/fp
	claim "$?,$(setting fp)" 0,eager "a toggle is changed there"
	(echo never >/sys/module/hyperscope/parameters/fp) 2>/dev/null
	claim "$?,$(setting fp)" 1,eager "an invalid value is refused"
	vm_stopped
	rmmod hyperscope 2>/dev/null
	claim $? 1 "the module is not removed while a VM exists"
	vm_ends

	failed=0
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		rmmod hyperscope && insmod /hs/hyperscope.ko replace_kvm=1 fp=lazy_save && [ "$(run hello)" = 0 ] || failed=$i
	done
	claim $failed 0 "removed and loaded 20 times, each time with a VM"
	rmmod hyperscope
	insmod /hs/hyperscope.ko fp=never 2>/dev/null
	claim $? 22 "an invalid value in modprobe's arguments is refused"

	insmod /kvm.ko
	insmod /hs/hyperscope.ko 2>/tmp/err
	claim "$?,$(grep -c busy /tmp/err)" 16,1 "kvm.ko has the harts: EBUSY"
	rmmod kvm
	insmod /kvm.ko enable_virt_at_load=0
	insmod /hs/hyperscope.ko
	claim "$?,$(ls /dev/kvm /dev/hyperscope | wc -l)" 0,2 "both are loaded if kvm.ko takes the harts only for a VM"
	mv /dev/kvm /dev/kvm.linux
	for device in kvm.linux hyperscope kvm.linux; do
		ln -sf $device /dev/kvm
		claim "$(run hello)" 0 "a VM of $device runs"
	done
	vm_stopped
	ln -sf hyperscope /dev/kvm
	claim "$(run hello),$(grep -c busy /tmp/out)" 101,1 "a VM of kvm.ko exists: EBUSY"
	vm_ends
	claim "$(run hello)" 0 "it has ended: a VM of hyperscope runs"
	vm_stopped
	ln -sf kvm.linux /dev/kvm
	claim "$(run hello),$(grep -c busy /tmp/out)" 101,1 "a VM of hyperscope exists: EBUSY in kvm.ko"
	vm_ends
	claim "$(run hello)" 0 "it has ended: a VM of kvm.ko runs"
	rmmod kvm
	ln -sf hyperscope /dev/kvm
	vm_stopped
	insmod /kvm.ko 2>/dev/null
	claim $? 16 "a VM of hyperscope exists: kvm.ko is not loaded with its defaults"
	vm_ends
	insmod /kvm.ko
	claim $? 0 "it has ended: kvm.ko is loaded"
	rmmod kvm

	run harts >/tmp/status &
	changes=0
	while kill -0 $! 2>/dev/null || [ $changes -lt 4 ]; do
		echo $((changes % 2)) >/sys/devices/system/cpu/cpu1/online
		changes=$((changes + 1))
		sleep 0.1
	done
	claim "$(cat /tmp/status),$(grep -c '^not ok' /tmp/out)" 0,0 "hart 1 goes and comes back while a VM runs"
	echo "# $changes changes"
	echo 1 >/sys/devices/system/cpu/cpu1/online
	claim "$(run harts),$(grep -c '^not ok' /tmp/out)" 0,0 "a VM runs afterwards"
	echo "1..$n"
END
on_linux harts --file "$O/vmm:/vmm" --file "$kvm_module:/kvm.ko" --file "$tmp/harts.sh:/harts.sh" \
	--file "$O/guest-payloads/hello.bin:/hello.bin" --file "$O/guest-payloads/harts.bin:/harts.bin" \
	"$O/guest/busybox" sh /harts.sh

# The module is loaded while hart 1 is offline, and hart 1 comes online while a VM exists. (QEMU has no
# machine whose harts differ in their G-stage modes; tests/native/test_gstage.c has.)
{
	sed -n '/^vm_stopped()/,/^}/p; /^\(claim\|run\|vm_ends\)()/p' "$tmp/harts.sh"
	cat <<-'END'
		n=0
		claim "$(cat /sys/devices/system/cpu/online),$(run hello)" 0,0 "a VM runs while hart 1 is offline"
		vm_stopped
		echo 1 >/sys/devices/system/cpu/cpu1/online
		claim $? 0 "hart 1 comes online while a VM exists"
		vm_ends
		claim "$(run harts),$(grep -c '^not ok' /tmp/out)" 0,0 "a VM runs on both harts"
		echo "1..$n"
	END
} >"$tmp/offline.sh"
on_linux "a hart that was offline" --kernel-args maxcpus=1 --file "$O/vmm:/vmm" --file "$tmp/offline.sh:/offline.sh" \
	--file "$O/guest-payloads/hello.bin:/hello.bin" --file "$O/guest-payloads/harts.bin:/harts.bin" \
	"$O/guest/busybox" sh /offline.sh

# Guest interrupt files. vmm_crosvm is skipped without them. On kvm.ko 6.12, a vCPU's thread must stay on its hart
# (kvm-api-linux.slow.t), and kvm.ko cannot be loaded twice, because it does not free its interrupt.
{
	sed -n '/^claim()/p' "$tmp/harts.sh" | sed 's/^\t*//'
	cat <<-'END'
		n=0
		bench() { # IRQCHIP ROW
			/vmm --no-sandbox --quiet --stats --irqchip $1 --vcpus 2 --testdev --append "only=$2" /bench.bin >/tmp/out 2>&1
			echo "$?,$(grep -c "^bench,$2,ns," /tmp/out)"
		}
		counter() { sed -n "s/^vmm: counter $1 //p" /tmp/out; }
		crosvm() { # PREFIX...
			"$@" /vmm_crosvm >/tmp/out 2>&1
			echo "$?,$(grep -c '^not ok' /tmp/out),$(grep -c '^ok' /tmp/out | sed 's/^[1-9].*/some/')"
		}
		cpu1=/sys/devices/system/cpu/cpu1/online

		claim "$(cat $cpu1),$(bench aia_emul msi_self)" 0,0,1 "a guest with emulated IMSICs sends itself MSIs"
		claim "$(counter csr_exit_kernel | sed 's/^[0-9]\{5,\}$/many/'),$(counter mmio_exit_kernel | sed 's/^[0-9]\{5,\}$/many/')" many,many \
			"both the store and the claim exit"
		claim "$(cat $cpu1),$(bench aia_hwaccel msi_self)" 0,0,1 "a guest with guest interrupt files sends itself MSIs"
		claim "$(counter csr_exit_kernel),$(counter mmio_exit_kernel | sed 's/^[0-9]$/few/')" 0,few "neither the store nor the claim exits"

		/vmm --no-sandbox --quiet --irqchip aia_hwaccel --vcpus 2 --testdev --append only=msi_pingpong /bench.bin >/tmp/out 2>&1 &
		vmm=$!
		while kill -0 $vmm && ! ls -l /proc/$vmm/fd | grep -q kvm-vcpu; do :; done
		kill -STOP $vmm
		echo 1 >$cpu1
		claim $? 0 "hart 1 comes online while a VM has guest files"
		kill -CONT $vmm
		wait $vmm
		claim "$?,$(grep -c '^bench,msi_pingpong' /tmp/out)" 0,1 "its vCPUs send each other MSIs on both harts"
		for i in 1 2 3 4 5; do bench aia_hwaccel msi_pingpong; done >/tmp/results &
		changes=0
		while kill -0 $! 2>/dev/null || [ $changes -lt 4 ]; do
			echo $((changes % 2)) >$cpu1
			changes=$((changes + 1))
			sleep 0.1
		done
		claim "$(tr '\n' ' ' </tmp/results)" "0,1 0,1 0,1 0,1 0,1 " "hart 1 goes and comes back while vCPUs send each other MSIs"
		echo "# $changes changes"
		echo 1 >$cpu1
		claim "$(crosvm)" 0,0,some "crosvm's calls, with guest files"

		rmmod hyperscope
		insmod /kvm.ko enable_virt_at_load=0
		claim "$?,$(crosvm taskset 1)" 0,0,0,some "the module is removed: a VM of kvm.ko has guest files"
		mv /dev/kvm /dev/kvm.linux
		insmod /hs/hyperscope.ko
		for device in hyperscope kvm.linux hyperscope; do
			ln -sf $device /dev/kvm
			claim "$(crosvm taskset 1)" 0,0,some "both are loaded: a VM of $device has guest files"
		done
		rmmod kvm
		claim "$(bench aia_hwaccel msi_self),$(counter csr_exit_kernel)" 0,1,0 "kvm.ko is removed: a guest's MSIs need no exit"
		echo "1..$n"
	END
} >"$tmp/files.sh"
on_linux "guest interrupt files" --machine aia --kernel-args maxcpus=1 --file "$O/vmm:/vmm" --file "$kvm_module:/kvm.ko" \
	--file "$tmp/files.sh:/files.sh" --file "$O/guest-payloads/bench.bin:/bench.bin" \
	--file "$O/tests/kvm-api/vmm_crosvm:/vmm_crosvm" "$O/guest/busybox" sh /files.sh

# Events, as tracepoints and in debugfs, and the table of exits.
{
	sed -n '/^claim()/p' "$tmp/harts.sh"
	cat <<-'END'
		n=0 hs=/sys/kernel/debug/hyperscope
		run() { /vmm --no-sandbox --quiet --vcpus 2 --testdev /exits.bin >/tmp/out 2>&1; echo $?; }
		hits() { sed -n 's/.*entries-written: [0-9]*\/\([0-9]*\) .*/\1/p' trace; }
		cd /sys/kernel/tracing

		claim "$(wc -l <$hs/events)" 0 "no event is on at first"
		(echo kvm_exit,kvm_nothing >$hs/events) 2>/dev/null
		claim "$?,$(wc -l <$hs/events),$(dmesg | grep -c "no event 'kvm_nothing'")" 1,0,1 "a list with an unknown event is refused"
		(echo sched_switch >$hs/events) 2>/dev/null
		claim $? 1 "an event of the bare-metal host is refused"
		echo ' kvm_e*, !kvm_exit_* ' >$hs/events
		claim "$(tr '\n' ' ' <$hs/events)" "kvm_entry kvm_exit " "a list selects events"
		cat $hs/events >/tmp/list
		cat /tmp/list >$hs/events
		claim "$?,$(cmp /tmp/list $hs/events)" 0, "the file's own contents can be written to it"
		failed=
		for name in hv_event_signal hv_hart_kick hv_harts_kick hv_log hv_wake_all hv_resched_needed hv_cpu_relax hv_hart \
				hv_guest_file_send events_emit hv_event_put; do
			grep -q "$name.*hyperscope" /proc/kallsyms || failed="$failed $name?"
			(echo "p:probe hyperscope:$name+8" >kprobe_events) 2>/dev/null && failed="$failed $name"
		done
		echo >kprobe_events
		claim "$failed" " hv_event_put" "no breakpoint can be set in functions that the fast path calls"
		echo 1 >events/hs/kvm_exit/enable
		echo 'scause == 10' >events/hs/kvm_sbi_call/filter
		claim "$?" 1 "a filter on a field that the event lacks is refused"
		echo 'ext == 0x10' >events/hs/kvm_sbi_call/filter
		echo 1 >events/hs/kvm_sbi_call/enable
		claim "$(run)" 0 "a VM runs while events are on"
		claim "$(grep -c 'kvm_exit: vm=1 vcpu=[01] sepc=0x8.* scause=ecall_vs ' trace | sed 's/^1[0-9][0-9]$/some/')" some \
			"the tracepoint's records have the VM, the vCPU, and names"
		claim "$(grep kvm_sbi_call trace | grep -vc ext=BASE),$(grep -c ext=BASE trace | sed 's/^[1-9]$/some/')" 0,some \
			"a filter selects records"
		awk 'NR > 1 { n += substr($0, 25, 13) } END { print n + 0 }' $hs/exits >/tmp/exits
		claim "$(grep -c ' kvm_exit: ' trace)" "$(cat /tmp/exits)" "the table counts the exits that the tracepoint records"
		claim "$(grep -c '^sbi base  *[1-9][0-9]*  *[1-9]' $hs/exits)" 1 "the table has names of classes, and times"
		echo 0 >events/hs/enable
		before=$(hits)
		claim "$(run),$(hits)" "0,$before" "no record after the tracepoints were disabled"
		claim "$(tr '\n' ' ' <$hs/events)" "kvm_entry kvm_exit " "debugfs's list remains"
		echo all >$hs/events
		claim "$(grep -c sched_switch $hs/events),$(grep -c gstage_step $hs/events)" 0,1 "all: the core's events, and not the host's"
		claim "$(run)" 0 "a VM runs while all events are on"
		echo 1 >events/hs/enable
		while kill -0 $$ && [ ! -e /tmp/enough ]; do
			echo 0 >events/hs/enable
			echo none >$hs/events
			echo 1 >events/hs/enable
			echo all >$hs/events
		done &
		run >/tmp/status
		touch /tmp/enough
		wait
		claim "$(cat /tmp/status)" 0 "a VM runs while events are switched on and off"
		rmmod hyperscope
		claim "$?,$(ls -d $hs events/hs 2>/dev/null | wc -l)" 0,0 "the module is removed while events are on"
		insmod /hs/hyperscope.ko replace_kvm=1 exitstat=never 2>/dev/null
		claim $? 22 "an invalid value of exitstat is refused"
		insmod /hs/hyperscope.ko replace_kvm=1 trace_size=1 2>/dev/null
		claim $? 22 "an invalid value of trace_size is refused"
		insmod /hs/hyperscope.ko replace_kvm=1
		claim "$(cat $hs/trace | wc -c)" 0 "loaded again: there is no trace before the first event"
		echo 1 >events/hs/enable
		claim "$(run),$(head -n 1 $hs/exits | cut -c1-27)" "0,Exits are not accounted for" "events work, and exits are not counted"
		claim "$(cat $hs/exits | head -n 1 | cut -c1-5),$(ls /sys/kernel/debug/kvm/ | grep -cx exits)" Exits,1 "the counters are in debugfs's folder kvm"
		echo "1..$n"
	END
} >"$tmp/events.sh"
on_linux events --set exitstat=time --file "$O/vmm:/vmm" --file "$tmp/events.sh:/events.sh" \
	--file "$O/guest-payloads/exits.bin:/exits.bin" "$O/guest/busybox" sh /events.sh

# A wrong parameter is reported.
"$HS_TOP/scripts/hyperscope" linux-kvm exec --hypervisor hyperscope --linux $kernel --out "$O" --timeout "$(scaled 80)" --set fp=eagr --set fast=1 \
	"$O/guest/busybox" true </dev/null >"$tmp/out" 2>"$tmp/err"
like "$(cat "$tmp/err")" "fp=eagr: invalid value" "the launcher reports a parameter's invalid value"
like "$(cat "$tmp/err")" "unknown parameter 'fast'" "and an unknown parameter"

"$HS_TOP/scripts/hyperscope" linux-kvm exec --linux $kernel --out "$O" --timeout "$(scaled 80)" "$O/guest/busybox" sh -c 'echo c >/proc/sysrq-trigger' \
	</dev/null >"$tmp/out" 2>"$tmp/err"
is "$?,$(grep -c 'stopping secondary CPUs' "$tmp/err")" 125,1 "a panic of Linux ends the machine, and is reported"
"$HS_TOP/scripts/hyperscope" linux-kvm exec --linux $kernel --out "$O" --timeout "$(scaled 5)" "$O/guest/busybox" sleep 1000000 \
	</dev/null >"$tmp/out" 2>"$tmp/err"
is "$?,$(grep -c '^hart [01]: in .*, pc=.* ra=' "$tmp/err")" 124,2 "when the machine's time is over, each hart's registers are printed"

if [ $kernel = stable ]; then

# --host linux: exec saves a trace, and run boots Debian's kernel.
HS_RUNS=$tmp/runs timeout -s KILL "$(scaled 120)" "$HS_TOP/scripts/hyperscope" exec --host linux --out "$O" --timeout "$(scaled 100)" \
	--trace kvm_exit --file "$O/guest-payloads/exits.bin" "$O/vmm" --no-sandbox --quiet --vcpus 2 --testdev /exits.bin </dev/null \
	>"$tmp/out" 2>"$tmp/err"
is $? 0 "exec --host linux returns the program's status" || diag "$(tail -n 20 "$tmp/err")"
is "$(grep -c '^hstrace: ' "$tmp/err")" 0 "hstrace saves the trace without complaint" || diag "$(cat "$tmp/err")"
is "$("$O/hstrace" report --events kvm_exit "$tmp/runs/last/trace" | grep -c ' 1\.[01] kvm_exit: ')" \
	"$(sed -n 's/^exits: \([0-9]*\);.*/\1/p' "$tmp/err")" "the trace and the exit table have the same number of exits"
HS_RUNS=$tmp/runs timeout -s KILL "$(scaled 200)" "$HS_TOP/scripts/hyperscope" run --host linux --out "$O" --timeout "$(scaled 180)" \
	--command 'echo guest $(uname -s), $(nproc)' </dev/null >"$tmp/out" 2>"$tmp/err"
is "$? $(grep -a -o '^guest Linux, [0-9]*' "$tmp/out")" "0 guest Linux, 2" "run --host linux boots Debian's kernel in a VM" ||
	diag "$(tail -n 20 "$tmp/out" "$tmp/err")"

# The bench has the module as a system: an exit that the core handles costs at most 0.6 times as much as on kvm.ko, and a
# trip to the VMM less.
"$HS_TOP/scripts/hyperscope" bench module linux --out "$O" --rows sbi_version,illegal_insn,mmio_read --timeout "$(scaled 200)" --csv "$tmp/csv" \
	>"$tmp/out" 2>"$tmp/err"
is $? 0 "the bench measures the module" || diag "$(tail -n 20 "$tmp/err")"
for limit in sbi_version=0.6 illegal_insn=0.6 mmio_read=0.6; do
	awk -F, -v row="${limit%=*}" -v most="${limit#*=}" '$2 == row { p50[$1] = $8 }
		END { exit !(p50["linux"] > 0 && p50["module"] > 0 && p50["module"] <= most * p50["linux"]) }' "$tmp/csv"
	ok $? "${limit%=*}: at most ${limit#*=} times kvm.ko's cost" || diag "$(cut -d, -f1-10 "$tmp/csv")"
done

if [ -x "$O/kselftest/ebreak_test" ] && [ -x "$O/tests/kselftest/timed" ]; then
	"$HS_TOP/scripts/hyperscope" kselftest --host linux --out "$O" --short --no-instructions --timeout "$(scaled 300)" \
		ebreak_test steal_time coalesced_io_test 'set_memory*' 'kvm_page_table_test -b 8M' >"$tmp/out" 2>"$tmp/err"
	is "$? $(grep -c '^ok' "$tmp/out")" "0 5" "five of Linux's selftests pass" || diag "$(cat "$tmp/out" "$tmp/err")"
else
	skip "Linux's selftests" "run 'scripts/hyperscope setup kselftest'"
fi

fi # $kernel = stable

# perf lists, records and prints the tracepoints.
perf=$O/perf_riscv64
if [ -d "$perf" ]; then
	cat >"$tmp/perf.sh" <<-'END'
		export LD_LIBRARY_PATH=/lib
		exits=$(/perf record -o /tmp/data -a -e hs:kvm_exit,hs:kvm_entry /vmm --no-sandbox --quiet --testdev /exits.bin 2>&1 | grep -c '^ok')
		[ "$exits" -gt 10 ] && echo "ok 1 - a VM runs under perf record" || echo "not ok 1 - a VM runs under perf record"
		for events in hs:kvm_sbi_call,hs:kvm_exit sched:sched_waking; do
			/perf record -o /tmp/frames -a -g -e $events /frame >/tmp/out 2>/tmp/err
			if [ "$(grep -c '^ok' /tmp/out)" = 2 ]; then
				echo "ok 4 - record -g -e $events: a handler may fault"
			else
				echo "not ok 4 - record -g -e $events: a handler may fault"
				sed 's/^/# /' /tmp/out /tmp/err
			fi
		done
		/perf list 'hs:*' | grep -q 'hs:kvm_exit  *\[Tracepoint' && echo "ok 2 - list" || echo "not ok 2 - list"
		/perf script -i /tmp/data >/tmp/text 2>/tmp/err
		grep -q 'hs:kvm_exit: vm=1 vcpu=0 sepc=0x[0-9a-f]* scause=irq_s_timer' /tmp/text && echo "ok 3 - script" || { echo "not ok 3 - script"; head /tmp/text | sed 's/^/# /'; }
	END
	libraries=()
	while read -r file; do
		libraries+=(--file "$file:/lib/${file##*/}")
	done < <(find -L "$perf/usr/lib/riscv64-linux-gnu" -maxdepth 1 -type f -name '*.so*')
	on_linux perf --file "$perf/usr/bin/perf:/perf" "${libraries[@]}" --file "$tmp/perf.sh:/perf.sh" \
		--file "$O/tests/kvm-api/frame:/frame" --file "$O/vmm:/vmm" --file "$O/guest-payloads/exits.bin:/exits.bin" "$O/guest/busybox" sh /perf.sh
else
	skip perf "run 'scripts/hyperscope setup readers'"
fi

cat >"$tmp/no-h.sh" <<-'END'
	insmod /hs/hyperscope.ko replace_kvm=1 2>/tmp/err
	case "$?,$(cat /tmp/err)" in
	19,*"No such device"*) echo "ok 1 - ENODEV" ;;
	*) echo "not ok 1 - ENODEV"; cat /tmp/err ;;
	esac
END
on_linux "harts without the H extension" --cpu rv64,h=off --file "$tmp/no-h.sh:/no-h.sh" \
	"$O/guest/busybox" sh /no-h.sh
like "$(cat "$tmp/err")" 'a hart lacks the H extension' "harts without the H extension: the reason is printed"

# The device tree has another hart, which Linux does not use. It lacks the H extension.
if command -v dtc >/dev/null; then
	"${QEMU:-qemu-system-riscv64}" -M virt,dumpdtb="$tmp/dtb" -cpu rv64 -smp 2 -m 2G -nographic 2>/dev/null
	dtc -q -I dtb -O dts "$tmp/dtb" | sed '0,/cpu@0 {/s//cpu@7 {\ndevice_type = "cpu"; reg = <7>; status = "disabled"; compatible = "riscv"; riscv,isa-extensions = "i";\n};\n&/' |
		dtc -q -I dts -O dtb -o "$tmp/dtb"
	is "$(dtc -q -I dtb "$tmp/dtb" | grep -c 'cpu@7 {')" 1 "the device tree has a disabled hart"
	on_linux "a disabled hart" --qemu-args "-dtb $tmp/dtb" --file "$O/guest-payloads/exits.bin:/exits.bin" "$O/vmm" --no-sandbox --quiet --testdev /exits.bin
else
	skip "a disabled hart" "dtc is not installed"
fi

# NTP may make CLOCK_MONOTONIC faster than the time CSR, here by a tenth. The payload waits for a second, twice, and the busy
# loop has Linux look for expired timers at each tick.
cat >"$tmp/clock.sh" <<-'END'
	/bin/busybox adjtimex -q -t 11000 || exit 1
	while :; do :; done &
	busy=$!
	timeout "$1" /vmm --no-sandbox --quiet --watchdog 0 /wait.bin >/tmp/out
	echo "$?,$(cat /tmp/out)" >/tmp/said
	kill $busy
	[ "$(cat /tmp/said)" = "0,wait: and once more" ] && echo "ok 1 - a vCPU wakes up in time" && exit
	echo "not ok 1 - a vCPU wakes up in time"
	sed 's/^/# /' /tmp/said
END
on_linux "a fast clock" --harts 1 --file "$O/vmm:/vmm" --file "$O/guest-payloads/wait.bin:/wait.bin" --file "$tmp/clock.sh:/clock.sh" \
	"$O/guest/busybox" sh /clock.sh "$(scaled 60)"

programs="stats errors caps ring run regs reset ids lacks debug bus edges sbi lazy_put logged tally fp lifecycle"
files=()
for name in $programs; do
	files+=(--file "$O/tests/kvm-api/$name:/kvm/$name")
done
# shellcheck disable=SC2046
on_linux kvm-api --env HS_OURS=1 "${files[@]}" "$O/tests/linux-abi/suite" $(printf '/kvm/%s ' $programs)
on_linux "kvm-api, with guest interrupt files" --machine aia --env HS_OURS=1 --env HS_GUEST_FILES=1 --file "$O/tests/kvm-api/aia:/aia" --file "$O/tests/kvm-api/aia_msi:/aia_msi" \
	--file "$O/tests/kvm-api/aia_direct:/aia_direct" "$O/tests/linux-abi/suite" /aia /aia_msi /aia_direct
if [ $kernel = debug ]; then

# kmemleak reports only objects that are older than 5 s, and may find a pointer to a lost object in a register or on a stack
# in its first scan.
cat >"$tmp/leaks.sh" <<-'END'
	for i in 1 2; do
		/vmm --no-sandbox --quiet --vcpus 2 --testdev /harts.bin >/dev/null 2>&1
		for name in "$@" pmu_threads; do /kvm/$name >/dev/null 2>&1; done
		echo all >/sys/kernel/debug/hyperscope/events
		rmmod hyperscope && insmod /hs/hyperscope.ko replace_kvm=1 exitstat=time || echo "not ok - reload $i"
	done
	rmmod hyperscope
	for i in 1 2; do
		sleep 6
		echo scan >/sys/kernel/debug/kmemleak || echo "not ok - kmemleak scans, $i"
	done
	cat /sys/kernel/debug/kmemleak >/tmp/leaks || echo "not ok - kmemleak can be read"
	[ -s /tmp/leaks ] && echo "not ok 1 - kmemleak finds no leak" || echo "ok 1 - kmemleak finds no leak"
	head -n 60 /tmp/leaks | sed 's/^/# /'
	echo 1..1
END
on_module leaks 3000 --linux debug --cpu max "${files[@]}" --file "$O/tests/kvm-api/pmu_threads:/kvm/pmu_threads" --file "$O/vmm:/vmm" \
	--file "$O/guest-payloads/harts.bin:/harts.bin" --file "$tmp/leaks.sh:/leaks.sh" "$O/guest/busybox" sh /leaks.sh $programs

# A VM needs more memory than its cgroup may have, so Linux ages and swaps out its pages, with locks held that the other kernels
# do not check. linux-module-memory.slow.t looks for wrong bytes.
cat >"$tmp/swap.sh" <<-'END'
	mkdir /cgroup
	mount -t cgroup2 none /cgroup
	echo 200M >/sys/block/zram0/disksize
	mkswap /dev/zram0 >/dev/null && swapon /dev/zram0 && echo +memory >/cgroup/cgroup.subtree_control && mkdir /cgroup/vmm || exit 1
	echo 8M >/cgroup/vmm/memory.max
	echo 0 >/cgroup/vmm/cgroup.procs
	/stress 4
	status=$?
	echo "# swapped out: $(cat /cgroup/vmm/memory.swap.peak) bytes at once"
	[ $(cat /cgroup/vmm/memory.swap.peak) -gt 1000000 ] || status=2
	exit $status
END
on_linux "a VM that is swapped out" --file "$O/tests/kvm/stress:/stress" --file "$tmp/swap.sh:/swap.sh" "$O/guest/busybox" sh /swap.sh

fi # $kernel = debug
done_testing
