// SPDX-License-Identifier: MIT
/*
 * sbi_walk.c - let a guest ask how its G-stage table maps an address, and unmap ranges. This file
 * is complete: there is nothing to write here.
 *
 * Real hypervisors do not offer such an interface. This one does because the tests of lab 4 are
 * guests that check the tables that the walkers have built.
 */
#include "exit/exit.h"
#include "mmu/gstage_lab.h"
#include "mmu/tlb.h"

/*
 * Unmap [start, end), as the notifier does when the host takes pages back. The pages themselves
 * stay, and the next access maps them again.
 */
static void drop(struct kvm *vm, gpa_t start, gpa_t end)
{
	struct gstage *gs = &vm->gstage;
	struct gstage_pending_flush pending;

	spin_lock(&gs->mmu_lock);
	gstage_unmap(gs, start, end);
	pending = gstage_take_pending_flush(gs);
	spin_unlock(&gs->mmu_lock);
	tlb_flush_pending(vm, &pending);
}

int sbi_walk(struct kvm_vcpu *vcpu, unsigned long ext, unsigned long fid, struct sbiret *ret)
{
	struct gstage *gs = &vcpu->kvm->gstage;
	gpa_t gpa = vcpu->guest.gpr[GPR_A0], end = vcpu->guest.gpr[GPR_A1];
	struct gstage_leaf leaf;

	(void)ext;
	if (fid == 0) {
		ret->value = (long)gs->levels;
	} else if (fid == 1 && gpa < gstage_limit(gs)) {
		spin_lock(&gs->mmu_lock);
		ret->value = (long)gstage_lab_path(gs, gpa);
		spin_unlock(&gs->mmu_lock);
	} else if (fid == 3 && gpa < gstage_limit(gs)) {
		spin_lock(&gs->mmu_lock);
		if (gstage_find(gs, gpa, &leaf))
			ret->error = SBI_ERR_INVALID_ADDRESS;
		else
			ret->value = (long)(leaf.level << 8 | (leaf.pte & 0xff));
		spin_unlock(&gs->mmu_lock);
	} else if (fid == 2 && !((gpa | end) & (PAGE_SIZE - 1))) {
		drop(vcpu->kvm, gpa, end);
	} else {
		ret->error = SBI_ERR_INVALID_PARAM;
	}
	return RESUME_GUEST;
}
