#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The same payloads with the same VMM on Linux KVM: what they claim is true of KVM on RISC-V, not
# of hyperscope alone. Where Linux 6.12 differs, the payload says so in a skip or at the claim.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
! qemu_breaks_linux_kvm || skip_all "$linux_kvm_is_broken"
. "$HS_TOP/tests/guest/payloads.sh"
need_files "$guest_dir/vmlinux" "$guest_dir/modules/kvm.ko"

vm "sbi" sbi
vm "pmu" pmu
# Without DBCN there would be no console: this kernel has no legacy one.
vm "sbi, taken away" sbi_off --sbi -time,-ipi,-rfence,-hsm,-srst,-sta,-pmu,-experimental,-vendor
vm "sbi, no legacy" sbi_off --sbi -v01 off=legacy
vm "sbi_legacy" sbi_legacy
vm "timer" timer
vm "exits" exits
vm "mmio" mmio --testdev
vm "mmio_hard" mmio_hard --smp 2 --testdev
vm "fp, 4 vCPUs" fp --smp 4
vm "harts, 2 vCPUs" harts --smp 2
vm "sbi_harts" sbi_harts --smp 3
vm "sbi_sta" sbi_sta --smp 3 crowded=1
vm_ends "no suspend" sbi_firmware --sbi susp
vm "logdev" logdev --logdev
vm "spinning" spinning --smp 2
vm "hostile" hostile --smp 2
boot linux
is "$(status_of "no suspend"):$(text "no suspend")" \
	"101:vmm: KVM here has no SBI extension susp" "the VMM says which SBI extension KVM has not got"
done_testing
