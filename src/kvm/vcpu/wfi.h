// SPDX-License-Identifier: MIT
/* wfi.h - the guest's WFI and wrs.nto. Called on the vCPU's own thread, with the vCPU loaded. */
#ifndef KVM_WFI_H
#define KVM_WFI_H

#include "kvm.h"

/*
 * wfi.c: handlers for the exits of WFI and wrs.nto. They return RESUME_GUEST; sepc is already past
 * the instruction.
 */
int vcpu_wfi(struct kvm_vcpu *vcpu);
int vcpu_wrs(struct kvm_vcpu *vcpu);

/*
 * wfi_native.c: choose whether WFI exits, for a vCPU with wfi_native set. Called outside the guest.
 */
void wfi_native_load(struct kvm_vcpu *vcpu);        /* WFI exits if another thread wants the hart */
void wfi_native_wanted(struct hv_sched_hook *hook); /* another thread wants the hart: WFI exits */

#endif
