#!/bin/bash
# SPDX-License-Identifier: MIT
#
# anatomy-linux.slow.t - scripts/hyperscope anatomy finds Linux's symbols on Linux KVM, and the stages add up.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
needs_plugin anatomy
[ -f "$O/guest/vmlinux" ] || skip_all "$O/guest/vmlinux is missing"
qemu_breaks_linux_kvm && skip_all "$linux_kvm_is_broken"

for row in mmio_read sbi_ipi_self illegal_insn fault_4k_present; do
	timeout --kill-after=5 "$(scaled 300)" "$HS_TOP/scripts/hyperscope" anatomy --out "$O" --systems linux \
		"$row" >"$tmp/table" 2>"$tmp/err"
	is $? 0 "anatomy measures $row" || diag "$(cat "$tmp/err")"
	# Background work of the host may fall into some batches, but not into the median one.
	awk '
		/^sum / { sum = $2; stages = 0 }
		stages && NF { total += $(NF - 1) }
		/^stage +linux/ { stages = 1 }
		/^mean of the batch/ { mean = $NF }
		/^the bench/ { figure = $NF }
		END {
			off = mean - figure
			printf "sum %d, stages %d, mean %.2f, figure %.2f\n", sum, total, mean, figure
			exit !(sum > 0 && sum == total && figure > 0 && off < 1 && off > -1)
		}' "$tmp/table" >"$tmp/sums"
	ok $? "$row: the stages add up to the bench's figure" || diag "$(cat "$tmp/sums")"
	unlike "$(cat "$tmp/table")" 'in no stage' "$row: every function has a stage"
	like "$(cat "$tmp/table")" '^CSR swap +__kvm_riscv_switch_to +[0-9]+$' \
		"$row: Linux's functions are shown by name"
done
done_testing
