// SPDX-License-Identifier: MIT
/*
 * wfi.h - the guest's WFI and wrs.nto: a wait for an interrupt. The vCPU's own thread, loaded.
 */
#ifndef KVM_WFI_H
#define KVM_WFI_H

#include "kvm.h"

/*
 * wfi.c: handlers of these exits. They return RESUME_GUEST; sepc is already past the instruction.
 */
int vcpu_wfi(struct kvm_vcpu *vcpu);
int vcpu_wrs(struct kvm_vcpu *vcpu);

/* wfi_native.c, for a vCPU with wfi_native, outside the guest: choose whether its WFI exits. */
void wfi_native_load(struct kvm_vcpu *vcpu);        /* by the current state of its hart */
void wfi_native_wanted(struct hv_sched_hook *hook); /* a thread wants the hart */

#endif
