// SPDX-License-Identifier: MIT
/*
 * gpa.h - which guest physical address faulted: the contract of the two variants of toggle gpa_from.
 *
 * gpa_htval.c believes what the trap says in htval and htinst, and walks the guest's tables only
 * where these are silent; gpa_walk.c never looks at either and walks always, as a hypervisor must
 * on hardware that leaves both 0 (H §2.8, H §6.3). Both use the walk of vsstage.c.
 *
 * "Try again" (-EAGAIN) is safe to answer at any time: the guest makes the same access anew,
 * with nothing remembered on this hart that could make it trap alike for ever.
 */
#ifndef KVM_GPA_H
#define KVM_GPA_H

#include "mmu/vsstage.h"

/* htinst holds a pseudoinstruction: an implicit VS-stage page-table access (H §6.3). */
static inline bool htinst_is_pseudo(unsigned long htinst)
{
	return htinst == 0x3000 || htinst == 0x3020 || htinst == 0x2000 || htinst == 0x2020;
}

struct gpa_ops {
	const char *name;

	/*
	 * Where to look for memory: what faulted, so far as that is known without much ado.
	 * 0 or -EAGAIN. vCPU loaded; may sleep.
	 */
	int (*locate)(struct kvm_vcpu *vcpu, const struct hv_trap *trap,
		      struct gstage_fault *fault);

	/*
	 * There is no memory for *fault, as locate() has answered it. Be sure of `implicit`, which
	 * decides between MMIO and an access fault; that may change the address as well. As above.
	 */
	int (*confirm)(struct kvm_vcpu *vcpu, const struct hv_trap *trap,
		       struct gstage_fault *fault);
};

extern const struct gpa_ops gpa_htval_ops, gpa_walk_ops;

#endif
