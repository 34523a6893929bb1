#!/bin/bash
# SPDX-License-Identifier: MIT
#
# linux-module-power.slow.t - Linux suspends, hibernates, and boots another kernel by kexec while a VM runs on the module.
#
# Debian's kernel hibernates to a disk and reads the image again without a reboot in between (test_resume of /sys/power/disk). At
# kexec, the VM is lost, but VMs of the new kernel run.
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
on_module "kexec" 200 --memory 1G --kernel-args "retain_initrd boot=1" "${files[@]}" "$O/guest/busybox" sh /power.sh kexec
done_testing
