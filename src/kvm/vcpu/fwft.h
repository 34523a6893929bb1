// SPDX-License-Identifier: MIT
/*
 * fwft.h - features of a vCPU's hart that its firmware switches (fwft.c).
 */
#ifndef KVM_FWFT_H
#define KVM_FWFT_H

#include "kvm.h"

/* ORDER: KVM_COMPAT_FWFT_* (hv/kvm_compat.h), three registers each; bits of struct vcpu_fwft */
enum fwft_feature {
	FWFT_MISALIGNED, /* misaligned exceptions are delegated: 0 or 1 */
	FWFT_PMLEN,      /* number of bits that pointer masking in VS masks: 0, 7 or 16 */
	FWFT_AD_HW,      /* hardware updates A and D bits: 0 or 1 */
	FWFT_FEATURES
};

void fwft_init(void);                   /* once, after isa_init() */
void fwft_hart_init(void);              /* then each hart */
void fwft_reset(struct kvm_vcpu *vcpu); /* reset the guest's settings, then fwft_apply() */
void fwft_apply(struct kvm_vcpu *vcpu); /* recompute henvcfg and hedeleg; vCPU not loaded */
/*
 * The parts of a load and a put that are not CSR writes: the firmware's delegation of misaligned
 * exceptions and, at a put, the fence after pointer masking. Only for a vCPU with SPECIAL_FWFT.
 */
void fwft_load(struct kvm_vcpu *vcpu);
void fwft_put(struct kvm_vcpu *vcpu);

bool fwft_is_on(const struct kvm_vcpu *vcpu); /* user space has switched the extension on */
/* True if every hart or the firmware supports the feature, and the vCPU has its extensions. */
bool fwft_is_there(const struct kvm_vcpu *vcpu, enum fwft_feature feature);
unsigned long fwft_get(const struct kvm_vcpu *vcpu, enum fwft_feature feature);
/*
 * Set a feature of a vCPU that is not loaded. Returns 0, or SBI_ERR_INVALID_PARAM if the feature
 * cannot have this value. fwft_is_there() must be true for the feature.
 */
long fwft_set(struct kvm_vcpu *vcpu, enum fwft_feature feature, unsigned long value);

#endif
