// SPDX-License-Identifier: MIT
/*
 * inject.c - deliver traps that arrived in HS to the guest.
 *
 * Does in software what the hardware does on a trap into VS (S §1.1, H §2.11, §6.2): the old
 * privilege and interrupt enable go to vsstatus, the cause to the VS CSRs, and the guest continues
 * in VS at its trap vector. The vCPU is loaded.
 */
#include "vcpu/inject.h"
#include "vcpu/nested.h"

static inline __attribute__((always_inline)) void
enter_trap(struct kvm_vcpu *vcpu, unsigned long cause, unsigned long pc, unsigned long tval)
{
	/* lab 7: write enter_trap: do what the hardware does on a trap into VS */
	unsigned long vsstatus = csr_read(vsstatus);
	unsigned long sstatus = vcpu->guest.sstatus;

	vsstatus &= ~(SSTATUS_SPP | SSTATUS_SPIE);
	if (sstatus & SSTATUS_SPP)
		vsstatus |= SSTATUS_SPP;
	if (vsstatus & SSTATUS_SIE)
		vsstatus |= SSTATUS_SPIE;
	vsstatus &= ~SSTATUS_SIE;

	csr_write(vsstatus, vsstatus);
	csr_write(vscause, cause);
	csr_write(vsepc, pc);
	csr_write(vstval, tval);

	/* Exceptions go to BASE, whatever the vector mode. */
	vcpu->guest.sepc = csr_read(vstvec) & ~3UL;
	vcpu->guest.sstatus = sstatus | SSTATUS_SPP;
	/* lab 7 end */
}

/* The trap is taken in virtual HS mode, or in VS mode of the guest's own guest. */
static __attribute__((noinline)) void enter_trap_with_h(struct kvm_vcpu *vcpu, unsigned long cause,
							unsigned long pc, unsigned long tval)
{
	nested_take_trap(vcpu, cause, tval);
	enter_trap(vcpu, cause, pc, tval);
}

void vcpu_inject_trap(struct kvm_vcpu *vcpu, unsigned long cause, unsigned long pc,
		      unsigned long tval)
{
	trace_kvm_inject_trap(cause, pc, tval);
	if (trace_kvm_exit_handled_enabled())
		vcpu->observed.injected = true;
	trace_exit_class(&vcpu->exit_clock, EXIT_INJECTED);
	if (vcpu->has_h)
		enter_trap_with_h(vcpu, cause, pc, tval);
	else
		enter_trap(vcpu, cause, pc, tval);
}

int vcpu_redirect_trap(struct kvm_vcpu *vcpu, const struct hv_trap *trap)
{
	vcpu_inject_trap(vcpu, trap->scause, trap->sepc, trap->stval);
	return RESUME_GUEST;
}

int vcpu_inject_access_fault(struct kvm_vcpu *vcpu, const struct hv_trap *trap)
{
	unsigned long cause = EXC_LOAD_ACCESS_FAULT;

	/* HLVX has the causes of a load (H §3.1). */
	if (trap->scause == EXC_INST_GUEST_PAGE_FAULT && vcpu->nested.unpriv != UNPRIV_FETCH)
		cause = EXC_INST_ACCESS_FAULT;
	else if (trap->scause == EXC_STORE_GUEST_PAGE_FAULT)
		cause = EXC_STORE_ACCESS_FAULT;
	trace_kvm_access_fault(trap->scause, trap->stval);
	vcpu_inject_trap(vcpu, cause, trap->sepc, trap->stval);
	return RESUME_GUEST;
}
