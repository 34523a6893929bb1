// SPDX-License-Identifier: MIT
/*
 * sbi_shadow.c - let a guest hypervisor ask for leaves of its shadow table and of the VM's own table.
 * This file is complete: there is nothing to write here.
 *
 * Real hypervisors do not offer such an interface. This one does because the tests of lab 14 are
 * guests that check the leaves of the shadow table.
 */
#include "exit/exit.h"
#include "mmu/shadow.h"
#include "mmu/shadow_lab.h"

int sbi_shadow(struct kvm_vcpu *vcpu, unsigned long ext, unsigned long fid, struct sbiret *ret)
{
	struct gstage *gs = &vcpu->kvm->gstage;
	gpa_t gpa = vcpu->guest.gpr[GPR_A0];
	struct gstage_leaf leaf;
	int err = -ENOENT;

	(void)ext;
	if (fid == 0 && vcpu->shadow)
		gs = &vcpu->shadow->current->gstage;
	else if (fid != 1) {
		ret->error = SBI_ERR_INVALID_PARAM;
		return RESUME_GUEST;
	}
	spin_lock(&gs->mmu_lock);
	/* A table that L1 has fenced is forgotten, and dropped when L2 next runs. */
	if (gpa < gstage_limit(gs) && (fid == 1 || vcpu->shadow->current->hgatp))
		err = gstage_find(gs, gpa, &leaf);
	spin_unlock(&gs->mmu_lock);
	if (err)
		ret->error = SBI_ERR_INVALID_ADDRESS;
	else
		ret->value = (long)(leaf.level << 8 | (leaf.pte & 0xff));
	return RESUME_GUEST;
}
