// SPDX-License-Identifier: MIT
/*
 * gpa_walk.c - the faulting address from the guest's own page tables (toggle gpa_from=walk).
 *
 * Only the virtual address and the kind of access are taken from the trap. The address that faulted
 * is the first one on the walk that the G-stage table does not permit: that of a page-table entry
 * that the walk reads, or in which it would set A or D, or, at the end, that of the access itself.
 *
 * gpa_htval.c implements the same interface with htval and htinst. Spec: S §3.2, H §5.2.
 */
#include "mmu/gpa.h"

static int walk_locate(struct kvm_vcpu *vcpu, const struct hv_trap *trap,
		       struct gstage_fault *fault)
{
	return vsstage_locate(vcpu, trap, fault);
}

/* Nothing to do: the walk has already settled everything. */
static int walk_confirm(struct kvm_vcpu *vcpu, const struct hv_trap *trap,
			struct gstage_fault *fault)
{
	(void)vcpu;
	(void)trap;
	(void)fault;
	return 0;
}

const struct gpa_ops gpa_walk_ops = {
	.name = "walk",
	.locate = walk_locate,
	.confirm = walk_confirm,
};
