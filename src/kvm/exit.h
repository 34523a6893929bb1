// SPDX-License-Identifier: MIT
/*
 * exit.h - the way of an exit: run.c, the switch, the dispatch table and a handler for each cause.
 */
#ifndef KVM_EXIT_H
#define KVM_EXIT_H

#include "kvm.h"

/* What an exit handler answers; < 0 is -errno for KVM_RUN's caller. */
enum exit_result {
	RESUME_USER = 0,
	RESUME_GUEST = 1,
};

int vcpu_run(struct kvm_vcpu *vcpu);

/* Complete the exit that user space has answered since the last KVM_RUN, if any; at most once. */
static inline void complete_exit(struct kvm_vcpu *vcpu)
{
	complete_fn *complete = vcpu->completion.complete;

	if (!complete)
		return;
	vcpu->completion.complete = NULL;
	complete(vcpu);
}

/* Enter the guest; returns at its next trap. Interrupts off, vCPU loaded. */
void vcpu_switch(struct kvm_vcpu *vcpu);
/*
 * fastpath.c: the whole of an exit, if it is one of the short ones. done: the guest can go on; else
 * nothing has changed. Called by switch_fast.S with mode = IN_GUEST, interrupts off; of guest,
 * only ra, sp, gp, tp, t0-t6 and a0-a7 are in memory, sepc and sstatus are in the hart.
 */
struct fast_exit {
	struct kvm_vcpu *vcpu; /* as it was given: assembly has no other place to keep it */
	unsigned long done;    /* a whole register, where it comes back in a1 */
};
struct fast_exit vcpu_fast_sbi(struct kvm_vcpu *vcpu);
struct fast_exit vcpu_fast_virtual_inst(struct kvm_vcpu *vcpu);
exit_fn exit_handle;      /* exit.c */
exit_fn exit_handle_full; /* switch_full.c */
exit_fn exit_host_irq;    /* exit.c: a host interrupt has ended the guest's run */
/* The handler of an exit, whatever its cause. */
exit_fn *exit_handler(unsigned long cause);

/* htinst holds a pseudoinstruction: an implicit VS-stage page-table access (H §6.3). */
static inline bool htinst_is_pseudo(unsigned long htinst)
{
	return htinst == 0x3000 || htinst == 0x3020 || htinst == 0x2000 || htinst == 0x2020;
}

/* Handlers, one file a cause. */
exit_fn exit_gstage_fault; /* gstage_fault.c */
/*
 * As exit_gstage_fault(), of a trap that unpriv_read() met. No instruction at sepc made this access,
 * so none may be looked for and emulated where no memory is: then it is an access fault.
 */
exit_fn gstage_fault_unpriv;
exit_fn exit_sbi;          /* sbi.c */
exit_fn exit_virtual_inst; /* insn.c */

#define INSN_WFI 0x10500073UL

int exit_wfi(struct kvm_vcpu *vcpu); /* wfi.c; sepc is already past the instruction */
int exit_wrs(struct kvm_vcpu *vcpu);

/* wfi_native.c, for a vCPU with wfi_native, out of the guest: does its WFI exit? */
void wfi_native_load(struct kvm_vcpu *vcpu);        /* as its hart is now */
void wfi_native_wanted(struct hv_sched_hook *hook); /* a thread wants the hart */

/* mmio.c */
int mmio_emulate(struct kvm_vcpu *vcpu, const struct hv_trap *trap, gpa_t gpa);

/* ---- inject.c: traps delivered into VS ---------------------------------------------- */

void vcpu_inject_trap(struct kvm_vcpu *vcpu, unsigned long cause, unsigned long pc,
		      unsigned long tval);
/* The trap, given to the guest as it would have taken it: same sepc, cause, stval. */
int vcpu_redirect_trap(struct kvm_vcpu *vcpu, const struct hv_trap *trap);
/* A guest-page fault where there is nothing: load, store or instruction access fault. */
int vcpu_inject_access_fault(struct kvm_vcpu *vcpu, const struct hv_trap *trap);

#endif
