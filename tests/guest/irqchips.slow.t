#!/bin/bash
# SPDX-License-Identifier: MIT
#
# irqchips.slow.t - with each interrupt controller, a payload on 1, 2, 4 and 8 vCPUs, and Debian's
# kernel, are saved and restored. A hart has one guest interrupt file.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
. "$HS_TOP/tests/guest/irqchips.sh"
fixes "the test sets it" irqchip

saves_and_restores {user_plic,kernel_plic,aia_emul,aia_hwaccel}/{1,2,4,8}

[ -f "$O/guest-initrd.cpio" ] || { skip "Debian's kernel" "set-up could not fetch it"; done_testing; }
seq 1000000 | head -c 2M >"$tmp/disk"
sum=$(md5sum <"$tmp/disk" | cut -d' ' -f1)
for pair in user_plic/8 kernel_plic/4 aia_emul/2 aia_hwaccel/1 aia_hwaccel/8; do
	chip=${pair%/*} vcpus=${pair#*/}
	machine=("${one_file[@]}" --set "irqchip=$chip" --harts 2 --disk "$tmp/disk" --without-observation)
	HS_SECONDS=180 hs run "${machine[@]}" --vcpus "$vcpus" --memory 192M --save "$tmp/linux" \
		--save-on 'Run /init' --save-rounds 0 \
		--command 'nproc; dd if=/dev/vda bs=64k iflag=direct 2>/dev/null | md5sum; cat /proc/interrupts; exit 7'
	is "$status" 0 "$chip, $vcpus vCPUs: Debian's kernel is saved while it boots" || diag "$err"
	HS_SECONDS=180 hs run "${machine[@]}" --restore "$tmp/linux"
	is "$status:$(tr -d '\r' <<<"$out" | grep -cE "^($vcpus|$sum  -)$")" 7:2 \
		"$chip, $vcpus vCPUs: it continues, has its vCPUs, and reads its disk" || diag "$(tail -n 20 <<<"$out$err")"
	unlike "$out" 'BUG|WARNING|stall|Oops|nobody cared' \
		"$chip, $vcpus vCPUs: the guest's kernel reports no error or warning"
	rm -f "$tmp/linux"
done
done_testing
