// SPDX-License-Identifier: MIT
/*
 * sbi_sta.h - steal time. All but the registers: the vCPU's own thread.
 */
#ifndef KVM_SBI_STA_H
#define KVM_SBI_STA_H

#include "kvm.h"

void sta_reset(struct kvm_vcpu *vcpu);
void sta_load(struct kvm_vcpu *vcpu);      /* on a hart again: REQ_STEAL if it had to wait */
void sta_preempted(struct kvm_vcpu *vcpu); /* about to lose its hart; no sleep */
void sta_update(struct kvm_vcpu *vcpu);    /* REQ_STEAL; may sleep */
int sta_reg_get(struct kvm_vcpu *vcpu, unsigned long num, u64 *value);
int sta_reg_set(struct kvm_vcpu *vcpu, unsigned long num, u64 value);

#endif
