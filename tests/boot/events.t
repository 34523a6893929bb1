#!/bin/bash
# SPDX-License-Identifier: MIT
#
# events.t - every event of trace/events.def is provoked, in one boot of payloads and programs with
# all events on.
#
# A row is: event | what provokes it | what one of its records must contain (an extended regular
# expression on hstrace's text), or `native` for an event that only tests/native provokes. An event
# without a row fails the test, and so does a row without an event.
. "${HS_TOP:-$(cd "$(dirname "$0")/../.." && pwd)}/tests/lib/tap.sh"
fixes "WFIs must exit and poll" wfi halt_poll_ns
fixes "large leaves must be made and split, VMIDs must run out, and fences must be limited to one VM" gstage_huge vmid tlb_flush
busybox=$O/guest/busybox
needs_fetched "$busybox"
! qemu_older 10.0 || skip_all "QEMU $(qemu_version): the payloads need QEMU 10.0"
hstrace=$O/hstrace

rows='
kvm_entry|any guest|pc=0x80200000 class=NONE
kvm_exit|an ecall|scause=ecall_vs stval=0x0
kvm_exit_cost|an SBI call|class=SBI_BASE cost=[1-9][0-9]* start=[1-9]
kvm_exit_handled|an ecall|scause=ecall_vs result=1 injected=0 reason=UNKNOWN
kvm_userspace_exit|MMIO|reason=MMIO errno=0 class=MMIO_
kvm_vcpu_load|KVM_RUN|from_hart=[01]$
kvm_vcpu_put|a wait|blocked=[01]
kvm_request|any exit|request=[1-9]
kvm_page_fault|the first instruction|gpa=0x80200000 scause=inst_guest_page_fault
kvm_mmio|bus: an ioeventfd answers|type=write len=[48] gpa=0x1[0-9a-f]* val=0x[0-9a-f]* kernel=1
kvm_sbi_call|sbi_get_spec_version|ext=BASE fid=0
kvm_sbi_return|an extension that does not exist|error=NOT_SUPPORTED
kvm_wfi|timer|pending=0
kvm_wrs|timer|pending=
kvm_virtual_inst|WFI|insn=0x10500073
kvm_nested_vmenter|nested|pc=0x802[0-9a-f]* hstatus=0x2
kvm_nested_vmexit|nested|scause=ecall_vs sepc=0x802
kvm_csr|pmu reads cycle|csr=cycle write=0 val=0x[1-9a-f][0-9a-f]* kernel=1
kvm_debug|debug: a breakpoint|pc=0x80000000
kvm_host_irq|the host timer|scause=irq_s_timer
kvm_access_fault|exits: a fetch from an address without memory|scause=[a-z]*_guest_page_fault
kvm_exit_unknown|hardware has no such cause: tests/native/test_run.c|native
kvm_mmio_insn|any MMIO|insn=0x[0-9a-f]* fetched=[01] pc=0x
kvm_coalesced_mmio|bus|gpa=0x10000000 len=4 val=0x1 entry=
kvm_ioeventfd|bus|gpa=0x10000000 len=8 val=0x1234567812345678
kvm_vcpu_irq|an IPI to the other vCPU|irq=2 level=1 target=1
kvm_ipi_send|an IPI to the other vCPU| [0-9]+[.]0( L1)? kvm_ipi_send: target=1$
kvm_ipi_receive|an IPI is shown to the other vCPU| [0-9]+[.]1( L1)? kvm_ipi_receive: hvip=0x[0-9a-f]*[4-7c-f]$
kvm_inject_irq|an IPI|hvip=0x[0-9a-f]*4$
kvm_irq_take|timer|scause=irq_s_timer epc=0x802[0-9a-f]* entry=1
kvm_inject_trap|exits|scause=[a-z_]* epc=0x802
kvm_timer_set|timer|cycles=[1-9][0-9]* now=[1-9]
kvm_timer_fire|timer without Sstc|cycles=[1-9][0-9]* late=[0-9]
kvm_pmu_start|pmu|counter=[0-9]+ event=0x
kvm_pmu_stop|pmu|counter=[0-9]+ event=0x
kvm_pmu_overflow|pmu|counter=[0-9]
kvm_vcpu_block|timer|deadline=[1-9]
kvm_halt_poll_ns|timer|grow=1 new=10000 old=0
kvm_vcpu_wakeup|timer|ns=[1-9][0-9]* waited=1 valid=1
kvm_wake_reason|timer: its interrupt|irqs=0x20 requests=0x0 signal=0
kvm_vcpu_kick|an IPI to a vCPU that sleeps|target=[01] asleep=1
kvm_hart_kick|another thread needs a vCPU to leave its hart|target=[01]
kvm_steal_time|sbi_sta, with two vCPUs per hart|ns=[0-9]
kvm_fwft|sbi_firmware|feature=[0-9]+ value=
kvm_fpu|fp|load=1 first_use=[01]
kvm_vector|vector|load=1 first_use=[01]
kvm_set_irq|vmm_devices, with the PLIC in the kernel|gsi=1 level=1 irq_source_id=0
kvm_plic_claim|vmm_devices|source=1 target=0
kvm_msi_set_irq|aia_msi: KVM_SIGNAL_MSI|address=0x28[0-9a-f]* data=[1-9]
kvm_aplic_forward|aia_msi: KVM_IRQ_LINE|source=[1-9][0-9]* target=0x[1-9a-f]
kvm_msi|aia_msi: an IPI|target=1 id=65 in_hart=0$
kvm_guest_file|the VMM with aia_hwaccel|target=0 vgein=1 mapped=1$
kvm_imsic_top|aia_msi|id=65 claim=1$
kvm_ack_irq|vmm_devices|irqchip=0 pin=1$
gstage_step|any fault|gpa=0x80200000 level=0 pte=
gstage_map|the first instruction|gpa=0x80200000 level=1 pte=
gstage_unmap|a memory slot is deleted|level=[012] pte=0x[1-9a-f]
gstage_split|logged|gpa=0x4[0-9a-f]* level=1
gstage_collapse|the host unmaps a range before it maps a large page there: tests/native/test_gstage.c|native
gstage_protect|logged|gpa=0x40000000 size=0x[1-9a-f]
gstage_retry|memory: pages are unmapped while the guest touches them|gpa=0x[0-9a-f]* hva=0x
gstage_table|any guest|level=0 alloc=1
kvm_vmid|any guest|vmid=1 generation=
kvm_vmid_rollover|VMIDs of 3 bits|generation=[2-9]
kvm_fence_gvma|memory|gpa=0x[0-9a-f]* size=0x1000 vmid=
kvm_fence_vvma|sbi|gva=0x[0-9a-f]* size=0x[1-9a-f][0-9a-f]* asid=[0-9]+ vmid=[1-9]
kvm_fence_i|sbi|vmid=[0-9]
kvm_remote_fence|sbi|fid=[012] hart_mask=0x
kvm_unmap_hva_range|the VMM ends|start=0x0 end=0xffffffffffffffff
kvm_moved_hva_range|pages|start=0x[0-9a-f]*00000 end=0x
kvm_age_hva|pages|start=0x[0-9a-f]* end=0x
kvm_test_age_hva|pages|hva=0x
kvm_invalidate_end|memory|start=0x[0-9a-f]* end=0x
kvm_dirty_log_mark|logged|slot=1 gfn=0x40003
kvm_dirty_log_get|logged|slot=1 npages=512 cleared=1
kvm_dirty_log_clear|memory|slot=0 first=[0-9]+ npages=64
kvm_create_vm|any guest|vm_id=1$
kvm_destroy_vm|any guest|vm_id=1$
kvm_create_vcpu|exits: the second|vm_id=1 vcpu_id=1
kvm_memslot|logged|slot=1 gpa=0x40000000 size=0x200000 hva=0x[0-9a-f]* flags=0x1
kvm_ioctl|KVM_RUN|cmd=0xae80 arg=0x0
kvm_ioctl_return|an unknown ioctl|cmd=0x[0-9a-f]* ret=-
sched_switch|any program|prev_pid=[0-9]+ prev_state=[0-9]+ next_pid=
sched_wakeup|any program|pid=[0-9]+ target_cpu=[01]
sched_migrate_task|any program|orig_cpu=0 dest_cpu=1
page_fault_user|any program|address=0x[0-9a-f]* ip=0x
sys_enter|any program|id=write arg0=0x1
sys_exit|any program|id=write ret=[1-9]
print|trace_marker|part=0 buf=mark.0x4
sched_process_exec|any program|pid=[0-9]+ entry=0x1[0-9a-f]* name=vmm name8= name16=$
sched_process_fork|a program of the shell|parent_pid=[0-9]+ child_pid=[0-9]+$
sample|timer: the guest is running|mode=VS pc=0x802[0-9a-f]* pid=[0-9]+ period=10030 late=[0-9]+$
signal_deliver|lazy_put, or the shell: a child ends|sig=17 handler=0x
mm_unmap|any program|start=0x[0-9a-f]* end=0x
mm_age|pages|start=0x[0-9a-f]* end=0x
mm_collapse|pages|address=0x[0-9a-f]*00000 present=512
tlb_flush|any program|start=0x[0-9a-f]* size=0x[0-9a-f]* hart_mask=0x[123]
host_fence|a thread unmaps what another hart uses|fid=[01] hart_mask=0x[12]
ipi_send|any wake-up|target_cpu=[01]
host_irq|any wake-up: an MSI|scause=irq_s_ext
host_timer|any slice|deadline=[1-9][0-9]* late='

is "$(sed -n 's/^\([a-z0-9_]*\)|.*/\1/p' <<<"$rows" | sort)" \
	"$(sed -n 's/^EVENT(\([a-z0-9_]*\),.*/\1/p' "$HS_TOP/trace/events.def" | sort)" "every event has a row, and every row an event"

echo "quirks='$(quirks | xargs)'" >"$tmp/provoke"
cat >>"$tmp/provoke" <<'E2'
vmm() { /vmm --quiet --memory 64M --append "$quirks" "$@" >/dev/null 2>&1 || echo "vmm $*: $?"; }
p=/sys/module/kvm/parameters
echo 'mark 0x4' >/sys/kernel/tracing/trace_marker
vmm --vcpus 2 /exits.bin
vmm --vcpus 2 /sbi.bin
vmm --vcpus 2 --sbi susp,fwft /sbi_firmware.bin
quirks="$quirks crowded=1" vmm --vcpus 4 /sbi_sta.bin
vmm /timer.bin
echo hrtimer >$p/timer
vmm /timer.bin
echo sstc >$p/timer
vmm --irqchip kernel_plic /vmm_devices.bin
vmm --irqchip aia_hwaccel /timer.bin
vmm /pmu.bin
vmm /vector.bin
vmm /fp.bin
vmm --nested /nested.bin
echo 3 >$p/vmid_bits
for name in memory pages bus debug logged lazy_put aia_msi; do
	/$name >/dev/null 2>&1 || echo "$name: $?"
done
E2
T=$O/tests P=$O/guest-payloads
HS_SECONDS=90 hs exec --quiet --machine aia --cpu max --trace all --boot trace.size=64M --memory 1G --file "$tmp/provoke:/provoke" \
	--file "$O/vmm" --file "$P/exits.bin" --file "$P/sbi.bin" --file "$P/sbi_firmware.bin" --file "$P/sbi_sta.bin" \
	--file "$P/timer.bin" --file "$P/pmu.bin" --file "$P/vector.bin" --file "$P/fp.bin" --file "$P/nested.bin" --file "$P/vmm_devices.bin" \
	--file "$T/kvm/memory" --file "$T/kvm/pages" --file "$T/kvm-api/bus" --file "$T/kvm-api/debug" \
	--file "$T/kvm-api/logged" --file "$T/kvm-api/lazy_put" --file "$T/kvm-api/aia_msi" "$busybox" sh /provoke
is "$status $out" "0 " "the payloads and programs pass with all events on" || diag "$err"
trace=$(readlink -f "$tmp/runs/last")/trace # of this run, because others may follow
"$hstrace" report "$trace" >"$tmp/report" 2>"$tmp/err"
like "$(grep '^# events' "$tmp/report")" ' lost [^:]*: 0$' "no event is lost"
while IFS='|' read -r event how want; do
	[ -n "$event" ] || continue
	if [ "$want" = native ]; then
		grep -rqw "TRACE_$event" "$HS_TOP/tests/native"
		ok $? "$event ($how)"
		continue
	fi
	if [ "$event" = kvm_pmu_overflow ] && spoils_redirects; then
		skip "$event ($how)" "payload pmu skips the overflow: $no_lcofi"
		continue
	fi
	grep " $event: " "$tmp/report" >"$tmp/these"
	if grep -qE -- "$want" "$tmp/these"; then
		ok 0 "$event ($how)"
	else
		ok 1 "$event ($how)"
		diag "$(wc -l <"$tmp/these") records, none with: $want"
		diag "$(tail -n 3 "$tmp/these")"
	fi
done <<<"$rows"
# pages.c maps two pages each at FILE_AT and UFFD_AT: one with code, which the guest executes, and
# one of zeroes. Only the page with code needs a fence.i.
for at in '21:a file' '22:UFFDIO_COPY'; do
	hva=0x${at%%:*}0000
	is "$(grep -oE " kvm_moved_hva_range: start=${hva}[0-9a-f]* end=0x[0-9a-f]*" "$tmp/report" | sed 's/^ [^ ]* //' | sort -u)" \
		"start=${hva}0000 end=${hva}1000" "guests execute a fence.i for a page from ${at#*:}, and none for zeroes"
done
is "$(grep -c ' kvm_exit_handled: ' "$tmp/report")" "$(grep -c ' kvm_exit: ' "$tmp/report")" \
	"every kvm_exit has a kvm_exit_handled"
is "$("$hstrace" stat "$trace" | sed -n 's/^exits: \([0-9]*\);.*/\1/p')" \
	"$(grep -c ' kvm_exit: ' "$tmp/report")" "the table of exits counts as many exits as there are kvm_exit events"

# ---- fields agree with each other ----
"$hstrace" export --to json "$trace" >"$tmp/json"
checked fields.py "" python3 "$HS_TOP/tests/trace/fields.py" <"$tmp/json"
sed '/"kvm_page_fault"/s/"gpa":"0x80/"gpa":"0x90/; /"kvm_userspace_exit"/s/"MMIO"/"INTR"/
	/"kvm_sbi_return"/s/"fid":0/"fid":9/; /"kvm_irq_take"/s/"epc":"0x80/"epc":"0x90/
	/"kvm_exit_handled"/s/"injected":1/"injected":0/; /"sched_switch"/s/"next_pid":0/"next_pid":99/
	/"kvm_ipi_send"/s/"target":1/"target":0/; /"gstage_map"/s/"level":0/"level":1/' "$tmp/json" |
	python3 "$HS_TOP/tests/trace/fields.py" >"$tmp/wrong"
[ "$(grep -c '^not ok' "$tmp/wrong")" -ge 8 ]
ok $? "wrong fields in eight events break eight rules or more" || diag "$(cat "$tmp/wrong")"
done_testing
