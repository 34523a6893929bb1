#!/bin/bash
# SPDX-License-Identifier: MIT
#
# linux-module-qemu.slow.t - Debian's QEMU (-accel kvm) is a VMM on the Linux module: Debian's kernel boots with two vCPUs and
# a disk, with each of QEMU's interrupt controllers.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/linux.sh"
[ -e "$O/hyperscope.ko" ] || skip_all "$O/hyperscope.ko is missing: run 'make linux-module'"
[ -d "$O/qemu_riscv64" ] || skip_all "$O/qemu_riscv64 is missing: run 'scripts/hyperscope setup qemu-riscv64'"

# The guest adds one to each byte of a part of its disk.
mkdir -p "$tmp/extra/hs"
echo 1 >"$tmp/extra/hs/disks"
cat >"$tmp/extra/hs/command" <<'END'
echo "cpus: $(nproc)"
awk '$NF ~ /ttyS0|virtio/ && $2 + $3 { print "interrupt:", $NF }' /proc/interrupts
tr '\000-\377' '\001-\377\000' </dev/vda >/tmp/new
dd if=/tmp/new of=/dev/vda bs=64k conv=fsync 2>/dev/null
n=0
while [ $n -lt 50 ]; do /bin/busybox true && n=$((n + 1)); done
echo "forks: $n"
END
make_initrd "$tmp/extra" "$tmp/initrd"

cat >"$tmp/boots.sh" <<'END'
	n=0
	claim() { n=$((n + 1)); if [ "$1" = "$2" ]; then echo "ok $n - $3"; else echo "not ok $n - $3: $1, not $2"; sed 's/^/# /' /tmp/out; fi; }
	seconds=$1
	shift
	for machine; do
		seq 1000000 | head -c 1048576 >/tmp/disk
		LD_LIBRARY_PATH=/lib timeout $seconds /qemu-system-riscv64 -accel kvm -M $machine -cpu host -smp 2 -m 256M -bios none -display none \
			-nodefaults -serial stdio -no-reboot -kernel /vmlinux -initrd /initrd -append "console=ttyS0 panic=-1 quiet" \
			-drive file=/tmp/disk,format=raw,if=none,id=disk -device virtio-blk-device,drive=disk </dev/null >/tmp/out 2>&1
		claim "$?,$(grep -a -c '^cpus: 2' /tmp/out),$(grep -a -c '^forks: 50' /tmp/out)" 0,1,1 "$machine: Debian's kernel boots and runs programs"
		claim "$(grep -a -c '^interrupt:' /tmp/out)" 2 "$machine: interrupts of the UART and of the disk arrive"
		claim "$(md5sum </tmp/disk)" "$(seq 1000000 | head -c 1048576 | tr '\000-\377' '\001-\377\000' | md5sum)" "$machine: the disk has what the guest wrote"
	done
	echo "1..$n"
END
files=(--file "$O/qemu_riscv64/qemu-system-riscv64" --file "$O/guest/vmlinux" --file "$tmp/initrd" --file "$tmp/boots.sh")
for file in "$O"/qemu_riscv64/lib/*; do
	files+=(--file "$file:/lib/${file##*/}")
done

boots()	# MACHINE GUEST...: the machine, and those of QEMU in it
{
	on_module "on $1" 430 --machine "$1" --memory 3G "${files[@]}" "$O/guest/busybox" sh /boots.sh "$(scaled 100)" "${@:2}"
}
boots virt virt virt,aia=aplic
boots aia virt,aia=aplic-imsic
done_testing
