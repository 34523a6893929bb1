#!/bin/bash
# SPDX-License-Identifier: MIT
#
# counts.t - three ways to count exits agree exactly: KVM_GET_STATS_FD, the events and the exit
# table. The first two are compared for each vCPU, and the table is compared with their total. There
# are VMs with one vCPU and with several, and VMs whose process is killed.
#
# tests/kvm-api/tally.c makes the exits and knows how many there must be. In its first run, only
# events that leave the fast path enabled are on; in its second run, every event is on, so that
# every exit takes the slow path.
. "${HS_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
busybox=$O/guest/busybox
needs_fetched "$busybox"
! qemu_older 10.0 || skip_all "QEMU $(qemu_version): wrs.nto and the seed CSR need QEMU 10.0"
fixes "every WFI has to exit" wfi
fixes "there has to be one fault per page" gstage_huge

hstrace=$O/hstrace
trace=$tmp/runs/last/trace
fast='kvm_*,!kvm_request,!kvm_exit_handled,!kvm_irq_take'

cat >"$tmp/both" <<'E2'
cd /sys/kernel/tracing
echo 'kvm_* !kvm_request !kvm_exit_handled !kvm_irq_take' >set_event
/tally 1
echo 'kvm_*' >set_event
/tally 5
E2
hs exec --quiet --cpu max --memory 1G --trace "$fast" --boot trace.size=64M --env HS_OURS=1 --env HS_TALLY=1 \
	--file "$tmp/both:/both" --file "$O/tests/kvm-api/tally" "$busybox" sh /both
relay "$out"
is "$status" 0 "the program exits with status 0: its guests made the expected exits" || diag "$err"
sed -n 's/^stat //p' <<<"$out" >"$tmp/stats"
"$hstrace" report --columns vcpu,event,fields "$trace" >"$tmp/report" 2>"$tmp/err"
like "$(grep '^# events' "$tmp/report")" ' lost [^:]*: 0$' "no event is lost"
"$hstrace" stat "$trace" >"$tmp/table"

# events REGEX: print "VM.VCPU count" for each vCPU that has events whose lines match REGEX
events()
{
	grep -E -- "$1" "$tmp/report" | awk '{ n[$1]++ } END { for (v in n) print v, n[v] }' | sort
}

# stats NAME...: print "VM.VCPU SUM", the sum of these counters, for each vCPU that has any of them
stats()
{
	awk -v names=" $* " 'index($1, ".") && index(names, " " $2 " ") { n[$1] += $3 }
		END { for (v in n) print v, n[v] }' "$tmp/stats" | sort
}

# row REGEX: print the sum of the counts in those rows of the exit table whose titles match REGEX
row()
{
	awk -v title="^($1) +[0-9]+ +[0-9.]+%" '$0 ~ title {
		for (i = 1; i < NF; i++) if ($(i + 1) ~ /%$/) { n += $i; break } } END { print n + 0 }' "$tmp/table"
}

sum()	# print the sum of the second column of standard input
{
	awk '{ n += $2 } END { print n + 0 }'
}

# both COUNTERS EVENTS ROWS: claim that for each vCPU the sum of the counters equals the number of
# events, and, unless ROWS is empty, that the sum of the counters of all vCPUs equals the count of
# these rows of the table.
both()
{
	is "$(stats $1)" "$(events "$2")" "$1: for each vCPU, the events and the counters agree"
	[ -z "$3" ] || is "$(row "$3")" "$(stats $1 | sum)" "$1: the table and the counters agree"
}

[ "$(stats exits | wc -l)" = 14 ]
ok $? "seven vCPUs ran in each of two runs" || diag "$(cat "$tmp/stats")"
both exits ' kvm_exit: ' '.*'
both wfi_exit_stat ' kvm_wfi: ' wfi
both wrs_exit_stat ' kvm_wrs: ' 'wrs[.]nto'
both csr_exit_kernel ' kvm_csr: .* kernel=1' 'csr, in the core'
both csr_exit_user ' kvm_csr: .* kernel=0' 'csr, user space'
both ecall_exit_stat ' kvm_userspace_exit: reason=RISCV_SBI ' 'sbi, user space'
both mmio_exit_user ' kvm_userspace_exit: reason=MMIO ' 'mmio (read|write), user space'
both mmio_exit_kernel ' kvm_mmio: .* kernel=1' 'mmio, in the core'
both mmio_exit_kernel ' (kvm_coalesced_mmio|kvm_ioeventfd): ' ''
both signal_exits ' kvm_userspace_exit: reason=INTR errno=-EINTR' ''
both halt_wait_hist ' kvm_vcpu_wakeup: .* waited=1 ' ''
both halt_successful_poll ' kvm_vcpu_wakeup: .* waited=0 ' ''
both "gstage_faults mmio_exit_user mmio_exit_kernel" ' kvm_page_fault: ' 'fault on RAM, .*|mmio .*|mmio, .*'
is "$(row 'fault on RAM, .*')" "$(stats gstage_faults | sum)" \
	"gstage_faults: the table and the counter agree"
is "$(awk '$2 == "remote_tlb_flush_requests" { n += $3 } END { print n + 0 }' "$tmp/stats")" \
	"$(events ' kvm_remote_fence: fid=[34] ' | sum)" \
		"remote_tlb_flush_requests: the events and the counter agree"

# ---- by cause ----
by_cause()	# CAUSE ROWS
{
	is "$(row "$2")" "$(events " kvm_exit: .* scause=$1 " | sum)" \
		"$1: the table's rows have as many exits as there are events"
}
by_cause ecall_vs 'sbi.*'
by_cause virtual_inst 'wfi|wrs[.]nto|csr, .*'
by_cause '[a-z]*_guest_page_fault' 'fault on RAM, .*|mmio .*|mmio, .*'
for irq in irq_s_timer irq_s_soft irq_s_ext; do
	by_cause $irq $irq
	is "$(events " kvm_host_irq: scause=$irq" | sum)" "$(events " kvm_exit: .* scause=$irq " | sum)" \
		"$irq: there are as many kvm_host_irq events as exits"
done
is "$(row 'trap given to guest|exception_.*|irq_[0-9].*')" 0 "no exit has an unexpected cause"

# ---- events compared with each other ----
is "$(events ' kvm_sbi_call: ')" "$(events ' kvm_exit: .* scause=ecall_vs ')" "every ecall is an SBI call"
is "$(events ' kvm_virtual_inst: ')" "$(events ' kvm_exit: .* scause=virtual_inst(ruction)? ')" \
	"every virtual-instruction exit has an event that names its instruction"
is "$(events ' kvm_vcpu_block: ')" "$(events ' kvm_vcpu_wakeup: ')" \
	"each vCPU has as many kvm_vcpu_wakeup as kvm_vcpu_block events"
is "$(grep -cE '^ *- kvm_(mmio|sbi_return|csr|userspace_exit): ' "$tmp/report")" 0 \
	"every event about an answer from user space names its vCPU"
later="^ *(6|7|8)[.][0-9] "
is "$(grep -cE "$later.*kvm_exit_handled: " "$tmp/report")" "$(grep -cE "$later.*kvm_exit: " "$tmp/report")" \
	"there are as many kvm_exit_handled as kvm_exit events"
done_testing
