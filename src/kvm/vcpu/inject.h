// SPDX-License-Identifier: MIT
/* inject.h - traps delivered into VS (inject.c). For the vCPU's own thread; the vCPU is loaded. */
#ifndef KVM_INJECT_H
#define KVM_INJECT_H

#include "kvm.h"

void vcpu_inject_trap(struct kvm_vcpu *vcpu, unsigned long cause, unsigned long pc,
		      unsigned long tval);
/* Deliver the trap to the guest as if it had been delegated: same sepc, cause and stval. */
int vcpu_redirect_trap(struct kvm_vcpu *vcpu, const struct hv_trap *trap);
/*
 * Turn a guest page fault that can be neither resolved nor emulated into an access fault of the
 * same kind: load, store or instruction.
 */
int vcpu_inject_access_fault(struct kvm_vcpu *vcpu, const struct hv_trap *trap);

#endif
