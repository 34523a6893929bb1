# SPDX-License-Identifier: MIT
#
# interrupts.sh - boot the host in QEMU without the launcher, on machines with different interrupt
# hardware, or with a changed device tree. For interrupts.t and interrupts.slow.t.
#
#   boot MACHINE HARTS OPTIONS...    boot a machine of --machine; sets $log to what its UART printed
#   works MACHINE HARTS OPTIONS...   boot, and repeat the claims of tests/progs/interrupts.c
#   tree MACHINE HARTS SED           write $tmp/tree.dtb: the machine's device tree, edited by SED
. "${HS_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
needs_built "$O/hyperscope.bin" "$O/tests/progs/interrupts"
qemu=${QEMU:-qemu-system-riscv64}

machine_named()
{
	PYTHONPATH=$HS_TOP/scripts python3 -B -c 'import sys
from hs.run.qemuopt import MACHINES
print(MACHINES[sys.argv[1]])' "$1"
}

PYTHONPATH=$HS_TOP/scripts python3 -B - "$tmp/initramfs" "$O/tests/progs/interrupts" <<'END'
import sys
from hs.run.cpio import Archive
with open(sys.argv[1], "wb") as out:
    archive = Archive(out)
    archive.add_file("/init", sys.argv[2])
    archive.close()
END

boot()	# MACHINE HARTS OPTIONS...
{
	truncate -s 1M "$tmp/disk0" "$tmp/disk1"
	# OpenSBI drops the first byte that comes while it starts.
	log=$(printf '\nhello\n' | timeout --kill-after=5 "$(scaled 30)" "$qemu" -M "$(machine_named "$1")" -smp "$2" -m 256M \
		-nodefaults -no-user-config -no-reboot -display none -chardev stdio,id=uart -serial chardev:uart \
		-kernel "$O/hyperscope.bin" -initrd "$tmp/initramfs" -global virtio-mmio.force-legacy=false \
		-drive "file=$tmp/disk0,format=raw,if=none,id=d0" -device virtio-blk-device,drive=d0,bus=virtio-mmio-bus.0 \
		-drive "file=$tmp/disk1,format=raw,if=none,id=d1" -device virtio-blk-device,drive=d1,bus=virtio-mmio-bus.1 \
		"${@:3}" 2>&1 | tr -d '\r\0')
}

works()	# MACHINE HARTS OPTIONS...
{
	boot "$@"
	relay "$(grep -E '^(ok|not ok|#) ' <<<"$log")" "$1, $2 harts"
	like "$log" '^host: /init exited with status 0$' "$1, $2 harts: the program ran to its end"
}

tree()	# MACHINE HARTS SED
{
	rm -f "$tmp/tree.dtb"
	"$qemu" -M "$(machine_named "$1"),dumpdtb=$tmp/raw.dtb" -smp "$2" -m 256M -display none >"$tmp/dump" 2>&1
	dtc -q -I dtb -O dts "$tmp/raw.dtb" | sed "$3" >"$tmp/tree.dts"
	dtc -q -I dts -O dtb -o "$tmp/tree.dtb" "$tmp/tree.dts"
}
