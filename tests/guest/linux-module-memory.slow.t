#!/bin/bash
# SPDX-License-Identifier: MIT
#
# linux-module-memory.slow.t - four VMs of two vCPUs on the Linux module share half of the memory that they use: Linux swaps
# (zram) and merges pages (KSM), while Debian's kernel runs hackbench and cyclictest in each VM. No byte of the guests' files is
# wrong.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/linux.sh"
[ -e "$O/hyperscope.ko" ] || skip_all "$O/hyperscope.ko is missing: run 'make linux-module'"
[ -d "$O/rt_tests" ] || skip_all "$O/rt_tests is missing: run 'scripts/hyperscope setup apps'"
rounds=$(rounds_or 4) || exit

# In the guest: two files of 12 MiB, one of which is the same in all VMs. Each round writes them again, with a new number, and
# then reads what was written before the workloads ran.
mkdir -p "$tmp/extra/hs" "$tmp/extra/bin" "$tmp/extra/lib"
cat >"$tmp/extra/hs/command" <<'END'
	rounds=$(sed 's/.* rounds=\([0-9]*\).*/\1/' /proc/cmdline) vm=$(sed 's/.* vm=\([0-9]*\).*/\1/' /proc/cmdline)
	mkdir -p /tmp /dev/shm
	mount -t tmpfs -o size=100% tmp /tmp
	text() { yes "$1, and this line has a length that does not divide a page" | head -c 12582912; }
	n=0 wrong=0
	while [ $n -lt $rounds ]; do
		n=$((n + 1))
		text "round $n of every VM" >/tmp/same
		text "round $n of VM $vm" >/tmp/own
		hackbench -g 1 -f 4 -l 100 >/tmp/hackbench || wrong=$((wrong + 1))
		cyclictest -q -N -p 80 -i 1000 -l 100 >/tmp/cyclictest || wrong=$((wrong + 1))
		text "round $n of every VM" | cmp - /tmp/same || wrong=$((wrong + 1))
		text "round $n of VM $vm" | cmp - /tmp/own || wrong=$((wrong + 1))
	done
	echo "cpus: $(nproc), rounds: $n, wrong: $wrong"
END
cp "$O/rt_tests/hackbench" "$O/rt_tests/cyclictest" "$tmp/extra/bin/"
cp "$O"/rt_tests/lib/* "$tmp/extra/lib/"
make_initrd "$tmp/extra" "$tmp/initrd"

# In Linux: a control group with the VMs, and the most memory that they used at any time, swapped or not. VMs that do not end
# are killed.
cat >"$tmp/vms.sh" <<'END'
	limit=$1 rounds=$2 seconds=$3 n=0 most=0 merged_most=0
	claim() { n=$((n + 1)); if [ "$1" $2 "$3" ]; then echo "ok $n - $4"; else echo "not ok $n - $4: $1, not $2 $3"; false; fi; }
	mkdir -p /cg && mount -t cgroup2 cgroup2 /cg && echo +memory >/cg/cgroup.subtree_control && mkdir /cg/vms
	echo $limit >/cg/vms/memory.max
	while read -r module; do insmod /swap/$module; done </swap/order
	echo 1G >/sys/block/zram0/disksize && mkswap /dev/zram0 >/dev/null && swapon /dev/zram0
	echo 1000 >/sys/kernel/mm/ksm/pages_to_scan
	echo 1 >/sys/kernel/mm/ksm/run
	for vm in 1 2 3 4; do
		sh -c 'echo $$ >/cg/vms/cgroup.procs; exec /vmm --mergeable --vcpus 2 --memory 128M --initrd /initrd --quiet --watchdog 0 \
			--no-console-input --append "$0" /vmlinux' "console=ttyS0 quiet vm=$vm rounds=$rounds end" >/tmp/out.$vm 2>&1 &
	done
	while jobs | grep -q Running; do
		sleep 5
		up=$(cut -d. -f1 /proc/uptime)
		memory=$(cat /cg/vms/memory.current) swapped=$(cat /cg/vms/memory.swap.current) merged=$(cat /sys/kernel/mm/ksm/pages_sharing)
		[ $((up % 30)) -ge 5 ] || echo "# $up s: $((memory >> 20)) MiB, and $((swapped >> 20)) MiB swapped; $merged pages merged"
		[ $((memory + swapped)) -le $most ] || most=$((memory + swapped))
		[ $merged -le $merged_most ] || merged_most=$merged
		[ $up -le $seconds ] || echo 1 >/cg/vms/cgroup.kill
	done
	for vm in 1 2 3 4; do
		grep -q "cpus: 2, rounds: $rounds, wrong: 0" /tmp/out.$vm
		claim $? = 0 "VM $vm: no byte is wrong" || sed 's/^/# /' /tmp/out.$vm
	done
	claim $most -ge $((2 * limit)) "the VMs used at least twice their limit"
	claim $merged_most -ge 1000 "pages were merged"
	claim $(awk '/^pswpin/ { print $2 }' /proc/vmstat) -ge 10000 "pages were swapped in"
	echo "# limit: $((limit >> 20)) MiB, used: $((most >> 20)) MiB, merged: $merged_most pages"
	grep -E '^(pswp|cow_ksm|ksm_swpin)' /proc/vmstat | sed 's/^/# /'
	echo "1..$n"
END
swap=()
for file in "$O"/linux_headers/modules/*; do
	swap+=(--file "$file:/swap/${file##*/}")
done
on_module "four VMs" 1450 --memory 2G "${swap[@]}" --file "$O/vmm" --file "$O/guest/vmlinux" --file "$tmp/initrd" --file "$tmp/vms.sh" \
	"$O/guest/busybox" sh /vms.sh "${LIMIT:-184549376}" "$rounds" "$(scaled 1000)"
done_testing
