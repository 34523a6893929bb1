// SPDX-License-Identifier: MIT
/*
 * gpa.h - find the guest physical address that faulted: the interface of toggle gpa_from's
 * variants.
 *
 * gpa_htval.c uses htval and htinst, and walks the guest's tables only where these do not give an
 * answer. gpa_walk.c ignores both and always walks, as a hypervisor must on hardware that leaves
 * both 0 (H §2.8, H §6.3). Both variants use the walk of vsstage.c.
 *
 * -EAGAIN means that the guest has to repeat the access. vsstage_locate() has then dropped the
 * translations cached on this hart that could make the access trap the same way forever.
 */
#ifndef KVM_GPA_H
#define KVM_GPA_H

#include "mmu/vsstage.h"

/*
 * Does htinst hold a pseudoinstruction, that is, was the access an implicit VS-stage page-table
 * access (H §6.3)?
 */
static inline bool htinst_is_pseudo(unsigned long htinst)
{
	return htinst == 0x3000 || htinst == 0x3020 || htinst == 0x2000 || htinst == 0x2020;
}

/* The bit of a pseudoinstruction that distinguishes a write of A and D from a read (H §6.3). */
#define HTINST_PSEUDO_WRITE BIT(5)

struct gpa_ops {
	const char *name;

	/*
	 * Fill *fault with what can be found out cheaply about the fault. Returns 0 or -EAGAIN. The
	 * vCPU must be loaded; may sleep.
	 */
	int (*locate)(struct kvm_vcpu *vcpu, const struct hv_trap *trap,
		      struct gstage_fault *fault);

	/*
	 * Called if no memory slot can serve the access at the address that locate() has found.
	 * Settles `implicit`, which decides between MMIO and an access fault; the address and
	 * `write` may change, too. Return values and conditions are those of locate().
	 */
	int (*confirm)(struct kvm_vcpu *vcpu, const struct hv_trap *trap,
		       struct gstage_fault *fault);
};

extern const struct gpa_ops gpa_htval_ops, gpa_walk_ops;

#endif
