// SPDX-License-Identifier: MIT
/*
 * aia.h - Ssaia, for vCPUs that have it (aia.c).
 */
#ifndef KVM_AIA_H
#define KVM_AIA_H

#include "kvm.h"
#include "vcpu/csr_access.h"

/* The bits that these CSRs of the harts hold, found by aia_hart_init(). */
extern struct aia_holds {
	u64 vsiselect, hviprio1, hviprio2;
} aia_holds;

void aia_hart_init(void); /* on each hart with Ssaia, before it runs a vCPU */
void aia_load(const struct kvm_vcpu *vcpu);
void aia_put(struct kvm_vcpu *vcpu);
void aia_show_external(unsigned long hvip); /* update stopi after a change of hvip; vCPU loaded */

enum aia_answer {
	AIA_ILLEGAL, /* the access is illegal for the guest */
	AIA_USER,    /* user space has to answer */
	AIA_DONE,    /* *value is the old value */
};

/* Handle a trapped access to sireg or stopei. */
enum aia_answer aia_access(struct kvm_vcpu *vcpu, const struct csr_access *access,
			   unsigned long *value);

#endif
