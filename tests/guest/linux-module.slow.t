#!/bin/bash
# SPDX-License-Identifier: MIT
#
# linux-module.slow.t - the module builds for Debian's kernel; payloads and programs that test /dev/kvm
# run on it; it shares the harts with kvm.ko; harts go and come back while a VM runs. Linux reports no
# warning.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
headers=$O/linux_headers/headers
[ -d "$headers" ] || skip_all "$headers is missing: run 'scripts/hyperscope setup linux-module'"

make -C "$HS_TOP" --no-print-directory O="$O" linux-module-only >"$tmp/make" 2>&1
is $? 0 "the module builds" || diag "$(tail -n 20 "$tmp/make")"
is "$(grep -c 'warning:' "$tmp/make")" 0 "the compiler has no warning" || diag "$(grep -A 3 'warning:' "$tmp/make" | head -n 20)"

# on_linux NAME OPTION... PROGRAM ARGUMENT...
on_linux()
{
	local name=$1
	out=$(timeout -s KILL "$(scaled 250)" "$HS_TOP/scripts/hyperscope" linux-kvm exec --hypervisor hyperscope \
		--out "$O" --timeout "$(scaled 200)" --log "$tmp/log" "${@:2}" </dev/null 2>"$tmp/err")
	status=$?
	relay "$out" "$name"
	is "$status" 0 "$name: status 0" || diag "$(tail -n 20 "$tmp/err")"
	is "$(grep -cE 'WARNING|BUG|Oops|panic:|stall' "$tmp/log")" 0 "$name: no warning of Linux" ||
		diag "$(grep -E -A 8 'WARNING|BUG|Oops|panic:|stall' "$tmp/log" | head -n 30)"
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

# The module has been loaded with replace_kvm=1. A VM that is stopped while it runs keeps the harts.
cat >"$tmp/harts.sh" <<-'END'
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
		rmmod hyperscope && insmod /hs/kvm.ko replace_kvm=1 fp=lazy_save && [ "$(run hello)" = 0 ] || failed=$i
	done
	claim $failed 0 "removed and loaded 20 times, each time with a VM"
	rmmod hyperscope
	insmod /hs/kvm.ko fp=never 2>/dev/null
	claim $? 22 "an invalid value in modprobe's arguments is refused"

	insmod /kvm.ko
	insmod /hs/kvm.ko 2>/tmp/err
	claim "$?,$(grep -c busy /tmp/err)" 16,1 "kvm.ko has the harts: EBUSY"
	rmmod kvm
	insmod /kvm.ko enable_virt_at_load=0
	insmod /hs/kvm.ko
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
on_linux harts --file "$O/vmm:/vmm" --file "$O/guest/modules/kvm.ko:/kvm.ko" --file "$tmp/harts.sh:/harts.sh" \
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

cat >"$tmp/no-h.sh" <<-'END'
	insmod /hs/kvm.ko replace_kvm=1 2>/tmp/err
	case "$?,$(cat /tmp/err)" in
	19,*"No such device"*) echo "ok 1 - ENODEV" ;;
	*) echo "not ok 1 - ENODEV"; cat /tmp/err ;;
	esac
END
on_linux "harts without the H extension" --cpu rv64,h=off --file "$tmp/no-h.sh:/no-h.sh" \
	"$O/guest/busybox" sh /no-h.sh

# stats is left out: it needs /sys/kernel/debug/kvm.
programs="errors caps ring run regs reset ids lacks debug bus edges sbi lazy_put logged tally fp lifecycle"
files=()
for name in $programs; do
	files+=(--file "$O/tests/kvm-api/$name:/kvm/$name")
done
# shellcheck disable=SC2046
on_linux kvm-api "${files[@]}" "$O/tests/linux-abi/suite" $(printf '/kvm/%s ' $programs)
done_testing
