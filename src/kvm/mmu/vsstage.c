// SPDX-License-Identifier: MIT
/*
 * vsstage.c - the VS-stage, walked in software.
 *
 * gpa.h says when that is needed. Supports Bare, Sv39, Sv48, Sv57, Sv32 on RV32, and 64 KiB ranges
 * of Svnapot. The permissions in the guest's PTEs are not checked, because the hardware has already
 * done that.
 *
 * The guest may change its tables while we read them. Each PTE is read once, and if it no longer
 * fits the trap, the guest tries again. Spec: S §3.2, H §5.2, Svnapot.
 */
#include <asm-generic/errno.h>
#include "request.h"
#include "mmu/memslot.h"
#include "mmu/tlb.h"
#include "mmu/vsstage.h"

/* Return the number of levels of vsatp's mode; 0: bare. */
static unsigned int vsatp_levels(unsigned long vsatp)
{
	switch (FIELD_GET(SATP_MODE, vsatp)) {
	case SATP_MODE_SV32:
		return 2;
	case SATP_MODE_SV39:
		return 3;
	case SATP_MODE_SV48:
		return 4;
	case SATP_MODE_SV57:
		return 5;
	default:
		return 0;
	}
}

/* `needs`: PTE_W for a store, PTE_X for a fetch, 0 for a load. */
static bool gstage_permits(struct kvm *vm, gpa_t gpa, pte_t needs)
{
	struct gstage_leaf leaf;
	int err;

	spin_lock(&vm->gstage.mmu_lock);
	err = gstage_find(&vm->gstage, gpa, &leaf);
	spin_unlock(&vm->gstage.mmu_lock);
	needs |= PTE_A;
	return !err && (leaf.pte & needs) == needs;
}

static int faults_at(struct gstage_fault *fault, gpa_t pte_gpa, bool write)
{
	fault->gpa = pte_gpa;
	fault->write = write;
	fault->implicit = true;
	return 0;
}

/* A hart with neither Svade nor Svadu may set A and D, or raise a page fault as with Svade. */
static bool hart_may_set_ad(const struct kvm_vcpu *vcpu)
{
	u64 henvcfg = vcpu->henvcfg & (vcpu->nested.v ? vcpu->nested.henvcfg : ~0ULL);

	return (henvcfg & ENVCFG_ADUE) || (!hv_isa_has("svade") && !hv_isa_has("svadu"));
}

/*
 * The walk has reached the leaf `pte`, which was read at pte_gpa. Fill in the fault: its address is
 * that of the access itself, or pte_gpa if the walk has to set A or D there and the G-stage table
 * does not permit that. -EAGAIN: the PTE does not fit the trap.
 */
static int leaf_reached(struct kvm_vcpu *vcpu, gpa_t pte_gpa, pte_t pte, unsigned int level,
			gva_t gva, struct gstage_fault *fault)
{
	u64 size = gstage_size(level);
	hpa_t base = pte_to_hpa(pte);
	bool sets_ad = !(pte & PTE_A) || (fault->write && !(pte & PTE_D));

	/*
	 * With Svadu the walk itself writes the PTE (H §2.5). With Svade, the guest would have taken
	 * a page fault instead of this trap.
	 */
	if (sets_ad && !hart_may_set_ad(vcpu))
		return -EAGAIN;
	if (sets_ad && !gstage_permits(vcpu->kvm, pte_gpa, PTE_W))
		return faults_at(fault, pte_gpa, true);
	if (level == 0 && (pte & PTE_NAPOT))
		size = NAPOT_SIZE;
	fault->gpa = ALIGN_DOWN(base, size) | (gva & (size - 1));
	return 0;
}

static int walk(struct kvm_vcpu *vcpu, const struct hv_trap *trap, struct gstage_fault *fault)
{
	unsigned long vsatp = csr_read(vsatp);
	unsigned int level = vsatp_levels(vsatp);
	gpa_t table = (gpa_t)FIELD_GET(SATP_PPN, vsatp) << PAGE_SHIFT;
	gva_t gva = trap->stval;

	*fault = (struct gstage_fault){
		.gpa = gva,
		.fetch = trap->scause == EXC_INST_GUEST_PAGE_FAULT,
		.write = trap->scause == EXC_STORE_GUEST_PAGE_FAULT,
	};
	if (!level)
		return 0;
	while (level-- > 0) {
		unsigned long index = (gva >> gstage_shift(level)) & (GSTAGE_TABLE_ENTRIES - 1);
		gpa_t pte_gpa = table + index * sizeof(pte_t);
		pte_t pte;

		if (!gstage_permits(vcpu->kvm, pte_gpa, 0))
			return faults_at(fault, pte_gpa, false);
		if (kvm_read_guest(vcpu->kvm, pte_gpa, &pte, sizeof(pte)))
			return faults_at(fault, pte_gpa, false);
		if (!(pte & PTE_V))
			return -EAGAIN;
		if (pte_is_leaf(pte))
			return leaf_reached(vcpu, pte_gpa, pte, level, gva, fault);
		table = pte_to_hpa(pte);
	}
	return -EAGAIN;
}

int vsstage_locate(struct kvm_vcpu *vcpu, const struct hv_trap *trap, struct gstage_fault *fault)
{
	int err = walk(vcpu, trap, fault);
	pte_t needs = fault->write ? PTE_W : fault->fetch ? PTE_X : 0;

	vcpu_set_request(vcpu, REQ_HOST); /* the walk has read guest memory, and may have slept */
	/*
	 * The hart may still use a translation that the tables no longer have (S §2.1), and would
	 * trap on it again.
	 */
	if (err) {
		tlb_flush_vvma_local(vcpu->kvm);
		return err;
	}
	if (fault->implicit || !gstage_permits(vcpu->kvm, fault->gpa, needs))
		return 0;
	/*
	 * The tables permit the access: either this hart has not seen some leaf yet, or another
	 * vCPU has mapped the page meanwhile. It is not known at which address the hart would trap,
	 * so flush everything.
	 */
	tlb_flush_vm_local(vcpu->kvm);
	return -EAGAIN;
}
