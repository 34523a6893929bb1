#!/bin/bash
# SPDX-License-Identifier: MIT
#
# kvmtool.slow.t - kvmtool boots Debian's kernel on hyperscope and on the Linux module, with its own
# PLIC, with emulated IMSICs and with guest interrupt files. $KVMTOOL names a static kvmtool for
# riscv64 (its make target lkvm-static).
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
[ "${KVMTOOL:-}" ] || skip_all "KVMTOOL is not set: it has to name a static kvmtool for riscv64"
[ -f "$KVMTOOL" ] || { ok 1 "KVMTOOL=$KVMTOOL is a file"; done_testing; }
needs_fetched "$O/guest/vmlinux" "$O/guest-initrd.cpio"
! qemu_older 8.0 || skip_all "QEMU $(qemu_version) has no -cpu max"

# kvmtool uses an AIA if KVM has one, with guest interrupt files if the harts have some.
boots()	# NAME DRIVER-OF-THE-GUEST OPTION...
{
	HS_SECONDS=300 hs exec --quiet "${@:3}" --memory 1G --env HOME=/ --file "$KVMTOOL:/kvmtool" \
		--file "$O/guest/vmlinux:/Image" --file "$O/guest-initrd.cpio:/initrd" "$O/guest/busybox" sh -c \
		'mkdir /.lkvm; exec /kvmtool run --name guest --kernel /Image --initrd /initrd --cpus 2 --mem 256 \
		--console serial --params console=ttyS0'
	is "$status:$(grep -c "the tour ends with status 0" <<<"$out")" 0:1 "$1: the guest's tour ends with status 0" ||
		diag "$(tail -n 20 <<<"$out")" "$err"
	like "$out" "$2" "$1: the guest uses this controller"
	like "$out" ' 2 cpu\(s\)' "$1: both vCPUs are up"
}

boots "kvmtool's PLIC" 'riscv-plic: .*mapped'
boots "the AIA with emulated IMSICs" 'riscv-imsic: .* IDs 2047 ' --cpu max
boots "the AIA with guest interrupt files" 'riscv-imsic: .* IDs 255 ' --machine aia
skip "the PLIC in the kernel" "kvmtool does not know this device of hyperscope's"
if [ -e "$O/hyperscope.ko" ]; then
	boots "the module, kvmtool's PLIC" 'riscv-plic: .*mapped' --host linux
	boots "the module, the AIA with emulated IMSICs" 'riscv-imsic: .* IDs 2047 ' --host linux --cpu max
	boots "the module, the AIA with guest interrupt files" 'riscv-imsic: .* IDs 255 ' --host linux --machine aia
else
	skip "the Linux module" "$O/hyperscope.ko is missing: run 'make linux-module'"
fi
done_testing
