// SPDX-License-Identifier: MIT
/*
 * gpa_walk.c - the faulting address from the guest's own page tables (toggle gpa_from=walk).
 *
 * The trap gives the virtual address and the kind of access, and no more is asked of it. The
 * first address on the way there that the G-stage table does not permit is what faulted: a
 * page-table entry, an entry whose A or D would be set, or at the end the access's own.
 *
 * The same contract by htval and htinst: gpa_htval.c. Spec: S §3.2, H §5.2.
 */
#include "mmu/gpa.h"

static int walk_locate(struct kvm_vcpu *vcpu, const struct hv_trap *trap,
		       struct gstage_fault *fault)
{
	return vsstage_locate(vcpu, trap, fault);
}

/* The walk has left nothing open. */
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
