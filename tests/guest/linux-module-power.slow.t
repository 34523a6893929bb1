#!/bin/bash
# SPDX-License-Identifier: MIT
#
# linux-module-power.slow.t - Linux suspends, hibernates, and boots another kernel by kexec while a VM runs on the module.
#
# Debian's kernel hibernates to a disk and reads the image again: first without a reboot in between (test_resume of
# /sys/power/disk), then in a new machine, whose time CSR starts again. At kexec, the VM is lost, but VMs of the new kernel run.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/linux.sh"
[ -e "$O/hyperscope.ko" ] || skip_all "$O/hyperscope.ko is missing: run 'make linux-module'"
needs_built "$O/tests/progs/kexec"

# In the guest, programs come and go, and a pipe's data is compared.
mkdir -p "$tmp/extra/hs"
cat >"$tmp/extra/hs/command" <<'END'
	n=0 wrong=0
	text() { yes "round $1, a line of a length that does not divide a page" | head -c 400000; }
	mkdir -p /tmp
	echo begun
	while [ $n -lt 150 ]; do
		n=$((n + 1))
		text $n >/tmp/file
		text $n | cmp - /tmp/file || wrong=$((wrong + 1))
	done
	echo "cpus: $(nproc), rounds: $n, wrong: $wrong"
END
make_initrd "$tmp/extra" "$tmp/initrd"

echo "$fair_servers_off" >"$tmp/power.sh"
cat >>"$tmp/power.sh" <<'END'
	n=0
	claim() { n=$((n + 1)); if [ "$1" = "$2" ]; then echo "ok $n - $3"; else echo "not ok $n - $3: $1, not $2"; sed 's/^/# /' /tmp/out; fi; }
	hello() { /vmm --no-sandbox --quiet --vcpus 2 --testdev /hello.bin >/tmp/hello 2>&1; echo $?; }
	sleeps() { # STATE: print the status, and the VMM's name if it still runs
		(echo $1 >/sys/power/state) 2>/tmp/err
		echo "$?,$(cat /proc/$vmm/comm)"
	}
	if grep -q boot=2 /proc/cmdline; then
		claim "$(hello)" 0 "after kexec, a VM runs"
		echo "1..$n"
		exit
	fi
	/vmm --no-sandbox --quiet --vcpus 2 --memory 128M --watchdog 0 --no-console-input --initrd /initrd \
		--append "console=ttyS0 quiet end" /vmlinux >/tmp/out 2>&1 &
	vmm=$!
	if [ "$1" = kexec ]; then
		until grep -q begun /tmp/out || ! kill -0 $vmm; do sleep 0.1; done
		/kexec /vmlinux boot=1 boot=2
		claim $? 0 "kexec"
		exit
	fi
	mkswap /dev/vda >/dev/null && swapon /dev/vda
	until grep -q begun /tmp/out || ! kill -0 $vmm; do sleep 0.1; done
	echo platform >/sys/power/pm_test
	claim "$(sleeps freeze)" 0,vmm "Linux suspends, and resumes after 5 seconds, while a VM runs"
	echo core >/sys/power/pm_test
	claim "$(sleeps disk)" 0,vmm "all harts but one go offline, and the module resets the last one's CSRs"
	echo none >/sys/power/pm_test
	echo test_resume >/sys/power/disk
	claim "$(sleeps disk)" 0,vmm "Linux hibernates, and continues from the image on the disk"
	wait $vmm
	claim "$?,$(grep '^cpus:' /tmp/out | tr -d '\r')" "0,cpus: 2, rounds: 150, wrong: 0" "no byte of the VM is wrong"
	claim "$(hello)" 0 "a new VM runs"
	echo "1..$n"
END
files=(--file "$O/vmm" --file "$O/guest/vmlinux" --file "$tmp/initrd" --file "$tmp/power.sh" --file "$O/guest-payloads/hello.bin"
	--file "$O/tests/progs/kexec")
truncate -s 1G "$tmp/disk"
on_module "suspend" 400 --memory 1G --disk "$tmp/disk" "${files[@]}" "$O/guest/busybox" sh /power.sh

# Linux hibernates and powers the machine off. The next boot continues from the image. It must be shorter than the first one, or
# the time CSR would not go back.
cat >"$tmp/hibernate.sh" <<'END'
	until [ -b /dev/vda ]; do sleep 0.1; done
	if [ "$(dd if=/dev/vda bs=1 skip=4086 count=9 2>/dev/null)" = S1SUSPEND ]; then
		echo "# the next boot: $(cut -d' ' -f1 /proc/uptime) s"
		cat /sys/block/vda/dev >/sys/power/resume
		echo "not ok 1 - Linux continues from the image on the disk"
		exit 1
	fi
	mkswap /dev/vda >/dev/null && swapon /dev/vda
	echo "# the first boot: $(cut -d' ' -f1 /proc/uptime) s"
	sleep $((60 + 2 * $(cut -d. -f1 /proc/uptime)))
	exec /hibernate
END
hibernating=(--memory 512M --disk "$tmp/disk2" --file "$O/tests/kvm-api/hibernate" --file "$tmp/hibernate.sh" "$O/guest/busybox"
	sh /hibernate.sh)
truncate -s 1G "$tmp/disk2"
timeout -s KILL "$(scaled 400)" "$HS_TOP/scripts/hyperscope" linux-kvm exec --hypervisor hyperscope --out "$O" --timeout "$(scaled 350)" \
	--log "$tmp/log" --kernel-args "$(stall_timeouts)" "${hibernating[@]}" </dev/null >"$tmp/out" 2>"$tmp/err"
grep "^# " "$tmp/out"
if grep -q 'failed to come online' "$tmp/log"; then
	skip "hibernate" "QEMU did not run a hart for a second, and Linux gave the hart up"
elif is "$(grep -c 'reboot: Power down' "$tmp/log")" 1 "Linux hibernates, and powers off"; then
	no_warning "power-off"
	on_module "hibernate" 300 "${hibernating[@]}"
else
	diag "$(tail -n 20 "$tmp/err")"
fi
on_module "kexec" 200 --memory 1G --kernel-args "retain_initrd boot=1" "${files[@]}" "$O/guest/busybox" sh /power.sh kexec
done_testing
