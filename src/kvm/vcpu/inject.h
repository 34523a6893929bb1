// SPDX-License-Identifier: MIT
/*
 * inject.h - traps delivered into VS (inject.c). The vCPU's own thread, loaded.
 */
#ifndef KVM_INJECT_H
#define KVM_INJECT_H

#include "kvm.h"

void vcpu_inject_trap(struct kvm_vcpu *vcpu, unsigned long cause, unsigned long pc,
		      unsigned long tval);
/* The trap, given to the guest as it would have taken it: same sepc, cause, stval. */
int vcpu_redirect_trap(struct kvm_vcpu *vcpu, const struct hv_trap *trap);
/* A guest-page fault where there is nothing: load, store or instruction access fault. */
int vcpu_inject_access_fault(struct kvm_vcpu *vcpu, const struct hv_trap *trap);

#endif
