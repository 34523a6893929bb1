#!/bin/bash
# SPDX-License-Identifier: MIT
#
# anatomy-linux.slow.t - scripts/hyperscope anatomy finds Linux's symbols on Linux KVM and on the module, and the stages
# add up.
. "${HS_TOP:=$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
needs_plugin anatomy
[ -f "$O/guest/vmlinux" ] || skip_all "$O/guest/vmlinux is missing"
qemu_breaks_linux_kvm && skip_all "$linux_kvm_is_broken"

# SWITCH is the function of the world switch; the stages' sum and the bench's figure differ by less than MOST (1).
check()	# SYSTEM ROW SWITCH [MOST]
{
	local system=$1 row="$2 on $1"

	timeout --kill-after=5 "$(scaled 300)" "$HS_TOP/scripts/hyperscope" anatomy --out "$O" --systems "$system" \
		"$2" >"$tmp/table" 2>"$tmp/err"
	is $? 0 "anatomy measures $row" || diag "$(cat "$tmp/err")"
	# Background work of the host may fall into some batches, but not into the median one.
	awk -v system_of="$system" -v most="${4:-1}" '
		/^sum / { sum = $2; stages = 0 }
		stages && NF { total += $(NF - 1) }
		/^stage / && $2 == system_of { stages = 1 }
		/^mean of the batch/ { mean = $NF }
		/^the bench/ { figure = $NF }
		END {
			off = mean - figure
			printf "sum %d, stages %d, mean %.2f, figure %.2f\n", sum, total, mean, figure
			exit !(sum > 0 && sum == total && figure > 0 && off < most && off > -most)
		}' "$tmp/table" >"$tmp/sums"
	ok $? "$row: the stages add up to the bench's figure" || diag "$(cat "$tmp/sums")"
	unlike "$(cat "$tmp/table")" 'in no stage' "$row: every function has a stage"
	like "$(cat "$tmp/table")" "^CSR swap +$3 +[0-9]+\$" "$row: functions are shown by name"
	like "$(tr '\n' '|' <"$tmp/table")" '\|in the core +[1-9][0-9]+ [^|]*\|in the host +[0-9]+ ' "$row: the core's instructions are counted"
}

for row in mmio_read sbi_ipi_self illegal_insn fault_4k_present; do
	check linux $row __kvm_riscv_switch_to
done
check linux io_out __kvm_riscv_switch_to 4 # above the uncertainty of the figure (docs/bench.md)
like "$(cat "$tmp/table")" '^wake-up +[1-9]' "io_out: the wake-up of the VMM's thread has a stage of its own"
if [ -e "$O/hyperscope.ko" ]; then
	check module mmio_read vcpu_exit_save_callee
	check module sbi_ipi_self ecall # a label in switch_fast.S
	check module fault_4k_present vcpu_exit_save_callee
else
	skip "the module" "run 'make linux-module'"
fi
done_testing
