// SPDX-License-Identifier: MIT
/* inject.h - traps delivered into VS (inject.c). For the vCPU's own thread; the vCPU is loaded. */
#ifndef KVM_INJECT_H
#define KVM_INJECT_H

#include "kvm.h"

void vcpu_inject_trap(struct kvm_vcpu *vcpu, unsigned long cause, unsigned long pc,
		      unsigned long tval);
/* Give the trap to the guest as if the guest had taken it: same sepc, cause and stval. */
int vcpu_redirect_trap(struct kvm_vcpu *vcpu, const struct hv_trap *trap);
/*
 * Answer a guest page fault at an unmapped address with a load, store or instruction access fault.
 */
int vcpu_inject_access_fault(struct kvm_vcpu *vcpu, const struct hv_trap *trap);

#endif
