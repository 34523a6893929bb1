#!/bin/bash
# SPDX-License-Identifier: MIT
#
# kvm-api-linux.slow.t - most programs of the tests in this folder also pass on Linux KVM, the
# reference: what they claim about /dev/kvm is Linux's behavior.
. "${HS_TOP:-$(dirname "$0")/../..}/tests/lib/tap.sh"
progs=$O/tests/kvm-api
needs_fetched "$O/guest/vmlinux" "$O/guest/modules/kvm.ko"
! qemu_breaks_linux_kvm || skip_all "$linux_kvm_is_broken"

for name in errors run regs reset ids lacks debug bus stats tally sbi edges fp lifecycle storm deadline; do
	out=$(timeout -s KILL "$(scaled 120)" "$HS_TOP/scripts/hyperscope" linux-kvm exec --out "$O" \
		--timeout "$(scaled 100)" "$progs/$name" </dev/null 2>"$tmp/err")
	status=$?
	relay "$out" "Linux KVM"
	is "$status" 0 "Linux KVM: $name exits with status 0" || diag "$(cat "$tmp/err")"
done

with_options() # NAME PROGRAM OPTION...
{
	out=$(timeout -s KILL "$(scaled 120)" "$HS_TOP/scripts/hyperscope" linux-kvm exec --out "$O" \
		--timeout "$(scaled 100)" "${@:3}" "$progs/$2" </dev/null 2>"$tmp/err")
	status=$?
	relay "$out" "$1"
	is "$status" 0 "$1: $2 exits with status 0" || diag "$(cat "$tmp/err")"
}

with_options "Linux KVM with a PCI device" device_memory --qemu-args "-device edu"
for name in aia aia_msi vmm_cloud_hypervisor; do
	with_options "Linux KVM with Ssaia" "$name" --cpu max
done
# Linux 6.12 loses wake-ups if a vCPU's thread moves to another hart while it begins to wait in WFI:
# it looks for the vCPU's guest interrupt file on that hart (aia_find_hgei()). Linux 7.3 knows the
# file's hart. Of 16 runs of vmm_cloud_hypervisor on two harts, 4 hung; with one hart, none did.
for name in vmm_crosvm vmm_cloud_hypervisor; do
	with_options "Linux KVM with guest interrupt files" "$name" --cpu max --machine aia --harts 1
done

timeout -s KILL "$(scaled 120)" "$HS_TOP/scripts/hyperscope" linux-kvm exec --out "$O" --timeout "$(scaled 100)" "$progs/walk" \
	</dev/null >"$tmp/walk" 2>"$tmp/err"
is $? 0 "Linux KVM, the recording: status 0" || diag "$(tail -n 20 "$tmp/err")"
checked walk.py "Linux KVM, the recording" "$HS_TOP/tests/kvm-api/walk.py" compare "$HS_TOP/tests/kvm-api/walk.linux.txt" /dev/null \
	<"$tmp/walk"
done_testing
