#!/bin/bash
# SPDX-License-Identifier: MIT
#
# host-registers.t - vcpu_switch() preserves each register and CSR that its caller relies on
#
# This test links a kernel in which run.c calls vcpu_switch_checked() (src/kvm/exit/lab_switch.S).
# That function records sp, gp, tp and four CSRs, calls vcpu_switch(), and stops the machine if any
# of these values has changed. It also stops the machine if the guest's sp, tp, a0 or sepc was not
# saved correctly.
. "$HS_TOP/tests/lib/tap.sh"
. "$HS_TOP/tests/lib/lab.sh"
checked=$tmp/checked
mkdir "$checked"
for part in kernel gen vmm guest-payloads uapi libfdt; do
	[ ! -e "$O/$part" ] || cp -a "$O/$part" "$checked"
done
read -ra cc <<<"$(make -s --no-print-directory -C "$HS_TOP" O="$checked" print-flags FOLDER=kvm)"
said=$("${cc[@]}" -Dvcpu_switch=vcpu_switch_checked -c -o "$checked/kernel/src/kvm/exit/run.c.o" "$HS_TOP/src/kvm/exit/run.c" 2>&1 &&
	make -s --no-print-directory -C "$HS_TOP" O="$checked" "$checked/hyperscope.bin" 2>&1)
is $? 0 "the kernel that checks the caller's registers is linked" || diag "$said"
for fastpath in on off; do
	options --harts 1 --set fastpath=$fastpath
	O=$checked payload timer
done
done_testing
