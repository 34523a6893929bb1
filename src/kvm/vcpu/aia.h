// SPDX-License-Identifier: MIT
/*
 * aia.h - Ssaia, for vCPUs that have it (aia.c).
 */
#ifndef KVM_AIA_H
#define KVM_AIA_H

#include "kvm.h"

void aia_load(const struct kvm_vcpu *vcpu);
void aia_put(struct kvm_vcpu *vcpu);
void aia_show_external(unsigned long hvip); /* update stopi after a change of hvip; vCPU loaded */

/* A trapped CSR instruction: old = csr; csr = (old & ~write_mask) | (new_value & write_mask). */
struct csr_access {
	unsigned int csr;
	unsigned int rd; /* register for the old value; 0: not wanted */
	unsigned long new_value;
	unsigned long write_mask; /* 0: read only */
};

enum aia_answer {
	AIA_ILLEGAL, /* the access is illegal for the guest */
	AIA_USER,    /* user space has to answer */
	AIA_DONE,    /* *value is the old value */
};

/* Handle a trapped access to sireg or stopei. */
enum aia_answer aia_access(struct kvm_vcpu *vcpu, const struct csr_access *access,
			   unsigned long *value);

#endif
