#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Run the payloads that the list marks "linux" with the same VMM on Linux KVM: their claims hold for
# KVM on RISC-V, not only for hyperscope. Where Linux 6.12 differs, the payload skips the claim or
# says so at the claim.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
! qemu_breaks_linux_kvm || skip_all "$linux_kvm_is_broken"
. "$HS_TOP/tests/guest/payloads.sh"
need_files "$guest_dir/vmlinux" "$guest_dir/modules/kvm.ko"

vm_list linux
vm_ends "no suspend" sbi_firmware --sbi susp
boot linux
is "$(status_of "no suspend"):$(text "no suspend")" \
	"101:vmm: --sbi: this host's KVM does not support susp" \
		"the VMM names the SBI extension that KVM lacks"
done_testing
