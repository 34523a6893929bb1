// SPDX-License-Identifier: MIT
/*
 * exit.h - the way of an exit: run.c, the switch, the dispatch table and a handler for each cause.
 */
#ifndef KVM_EXIT_H
#define KVM_EXIT_H

#include "kvm.h"
#include "sbi/sbi.h"
#include "vcpu/inject.h"

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
exit_fn exit_dispatch;    /* exit.c */
exit_fn exit_handle_full; /* switch_full.c */
exit_fn exit_host_irq;    /* exit.c: a host interrupt has ended the guest's run */
/* The handler of an exit, whatever its cause. */
exit_fn *exit_handler(unsigned long cause);

/* Handlers, one file a cause; exit_sbi() is declared in sbi.h. */
exit_fn exit_gstage_fault; /* gstage_fault.c */
/*
 * As exit_gstage_fault(), of a trap that unpriv_read() met. No instruction at sepc made this access,
 * so none may be looked for and emulated where no memory is: then it is an access fault.
 */
exit_fn gstage_fault_unpriv;
exit_fn exit_virtual_inst, exit_illegal_inst; /* insn.c */

#define INSN_WFI 0x10500073UL

/* mmio.c */
int mmio_emulate(struct kvm_vcpu *vcpu, const struct hv_trap *trap, gpa_t gpa);

#endif
