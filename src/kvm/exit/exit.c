// SPDX-License-Identifier: MIT
/*
 * exit.c - dispatch an exit to the handler for its cause.
 *
 * exit_table[] has rows even for traps that are delegated to the guest, so the core is correct on a
 * hart that does not implement every bit of hedeleg. An exception without a row ends KVM_RUN with
 * KVM_EXIT_INTERNAL_ERROR.
 */
#include "exit/exit.h"
#include "kvm.h"
#include "request.h"
#include "vcpu/fp.h"
#include "vcpu/pmu.h"

/*
 * A breakpoint that is delegated gets here only if the hart does not implement that bit of hedeleg:
 * redirect the trap to the guest. Otherwise, user space has enabled debugging with
 * KVM_SET_GUEST_DEBUG: end KVM_RUN with KVM_EXIT_DEBUG.
 */
static int exit_breakpoint(struct kvm_vcpu *vcpu, const struct hv_trap *trap)
{
	if (vcpu->hedeleg & BIT(EXC_BREAKPOINT))
		return vcpu_redirect_trap(vcpu, trap);
	trace_kvm_debug(trap->sepc);
	trace_exit_class(&vcpu->exit_clock, EXIT_DEBUG);
	WRITE_ONCE(vcpu->run->exit_reason, KVM_EXIT_DEBUG);
	return RESUME_USER;
}

/* Count the fault, also as a firmware event of the guest's PMU, and redirect it to the guest. */
static int exit_counted_fault(struct kvm_vcpu *vcpu, const struct hv_trap *trap)
{
	unsigned int event;

	switch (trap->scause) {
	case EXC_LOAD_MISALIGNED:
		vcpu->stats.load_misaligned_exits++;
		event = SBI_PMU_FW_MISALIGNED_LOAD;
		break;
	case EXC_STORE_MISALIGNED:
		vcpu->stats.store_misaligned_exits++;
		event = SBI_PMU_FW_MISALIGNED_STORE;
		break;
	case EXC_LOAD_ACCESS_FAULT:
		vcpu->stats.load_access_exits++;
		event = SBI_PMU_FW_ACCESS_LOAD;
		break;
	default:
		vcpu->stats.store_access_exits++;
		event = SBI_PMU_FW_ACCESS_STORE;
		break;
	}
	pmu_count(vcpu, event);
	return vcpu_redirect_trap(vcpu, trap);
}

/*
 * The handler for each exception. With fastpath=on (the default), switch_fast.S first offers exits
 * with the causes EXC_ECALL_VS and EXC_VIRTUAL_INST, and guest page faults at some device
 * registers, to fastpath.c. An exit that fastpath.c finishes does not get here.
 */
/* ORDER: exception codes (hv/csr.h) */
/* lab 3: write exit_table[]: the handler of each cause */
static exit_fn *const exit_table[] = {
	[EXC_INST_MISALIGNED] = vcpu_redirect_trap,
	[EXC_INST_ACCESS_FAULT] = vcpu_redirect_trap,
	[EXC_ILLEGAL_INST] = exit_illegal_inst,
	[EXC_BREAKPOINT] = exit_breakpoint,
	[EXC_LOAD_MISALIGNED] = exit_counted_fault,
	[EXC_LOAD_ACCESS_FAULT] = exit_counted_fault,
	[EXC_STORE_MISALIGNED] = exit_counted_fault,
	[EXC_STORE_ACCESS_FAULT] = exit_counted_fault,
	[EXC_ECALL_U] = vcpu_redirect_trap,
	[EXC_ECALL_VS] = exit_sbi,
	[EXC_INST_PAGE_FAULT] = vcpu_redirect_trap,
	[EXC_LOAD_PAGE_FAULT] = vcpu_redirect_trap,
	[EXC_STORE_PAGE_FAULT] = vcpu_redirect_trap,
	[EXC_INST_GUEST_PAGE_FAULT] = exit_gstage_fault,
	[EXC_LOAD_GUEST_PAGE_FAULT] = exit_gstage_fault,
	[EXC_VIRTUAL_INST] = exit_virtual_inst,
	[EXC_STORE_GUEST_PAGE_FAULT] = exit_gstage_fault,
};
/* lab 3 end */

static int exit_unknown(struct kvm_vcpu *vcpu, const struct hv_trap *trap)
{
	struct kvm_run *run = vcpu->run;

	trace_exit_cause(&vcpu->exit_clock, trap->scause);
	trace_kvm_exit_unknown(trap->scause, trap->stval);
	hv_log("kvm: vCPU %u: cause %lu at 0x%lx, stval 0x%lx: not handled\n", vcpu->id,
	       trap->scause, trap->sepc, trap->stval);
	WRITE_ONCE(run->exit_reason, KVM_EXIT_INTERNAL_ERROR);
	run->internal.suberror = KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON;
	run->internal.ndata = 2;
	run->internal.data[0] = trap->scause;
	run->internal.data[1] = trap->sepc;
	return RESUME_USER;
}

static __attribute__((noinline)) void irq_seen(const struct kvm_vcpu *vcpu,
					       const struct hv_trap *trap)
{
	bool user = !(vcpu->guest.sstatus & SSTATUS_SPP);

	trace_kvm_host_irq(trap->scause);
	if (trace_sample_enabled())
		hv_sample(user ? SAMPLE_VU : SAMPLE_VS, trap->sepc);
}

__attribute__((noinline)) int exit_host_irq(struct kvm_vcpu *vcpu, const struct hv_trap *trap)
{
	trace_exit_cause(&vcpu->exit_clock, trap->scause);
	if (trace_group_irq())
		irq_seen(vcpu, trap);
	vcpu_set_request(vcpu, REQ_HOST);
	hv_handle_interrupt(trap->scause);
	return RESUME_GUEST;
}

exit_fn *exit_handler(unsigned long cause)
{
	/* lab 3: write exit_handler: return the handler of this cause */
	if (cause < ARRAY_SIZE(exit_table) && exit_table[cause])
		return exit_table[cause];
	return cause & CAUSE_IRQ_FLAG ? exit_host_irq : exit_unknown;
	/* lab 3 end */
}

/*
 * The host takes interrupts only where it asks for them, so a signal or a thread that waits for
 * this hart can be new only if the handler has slept or taken an interrupt. Such a handler sets
 * REQ_HOST, such as exit_host_irq(), vsstage_locate(), map_fault(), fetch_page() and vcpu_halt(); an
 * interrupt that is pending otherwise ends the guest's next run at once.
 */
int exit_dispatch(struct kvm_vcpu *vcpu, const struct hv_trap *trap)
{
	/* SBI calls are the most frequent exits: call their handler directly. */
	if (trap->scause == EXC_ECALL_VS)
		return exit_sbi(vcpu, trap);
	return exit_handler(trap->scause)(vcpu, trap);
}
