// SPDX-License-Identifier: MIT
/*
 * sbi_fwft.h - features that firmware switches.
 */
#ifndef KVM_SBI_FWFT_H
#define KVM_SBI_FWFT_H

#include "kvm.h"

void fwft_init(void);                   /* once, after isa_init() */
void fwft_hart_init(void);              /* each hart, then */
void fwft_reset(struct kvm_vcpu *vcpu); /* as at power-on; henvcfg and hedeleg follow */
void fwft_apply(struct kvm_vcpu *vcpu); /* henvcfg and hedeleg anew; not loaded */
/* Hart state besides the CSRs of vcpu_load(); only for a vCPU with fwft.switched. */
void fwft_load(struct kvm_vcpu *vcpu);
void fwft_put(struct kvm_vcpu *vcpu);
unsigned int fwft_reg_listed(const struct kvm_vcpu *vcpu, unsigned long num);
int fwft_reg_get(struct kvm_vcpu *vcpu, unsigned long num, u64 *value);
int fwft_reg_set(struct kvm_vcpu *vcpu, unsigned long num, u64 value);

#endif
