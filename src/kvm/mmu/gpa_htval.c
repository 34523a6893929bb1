// SPDX-License-Identifier: MIT
/*
 * gpa_htval.c - the faulting address from htval and htinst (toggle gpa_from=htval).
 *
 * htval is the address shifted right by 2; for an explicit access, the low 2 bits are those of
 * stval. htinst is a pseudoinstruction if the guest's own page-table walk faulted. Hardware may
 * leave either one at 0. If htval is 0, the guest's tables are walked to find the address. If
 * htinst is 0, they are walked only if the address is not memory, to tell MMIO from an access by
 * the page-table walk.
 *
 * gpa_walk.c implements the same interface with the walk alone. Spec: H §2.8, H §6.3.
 */
#include <asm-generic/errno.h>
#include "mmu/gpa.h"

static int htval_locate(struct kvm_vcpu *vcpu, const struct hv_trap *trap,
			struct gstage_fault *fault)
{
	/* 0: the hardware gave no address (H §2.8). A fault at address 0 looks the same. */
	if (!trap->htval)
		return vsstage_locate(vcpu, trap, fault);

	fault->gpa = (gpa_t)trap->htval << 2;
	fault->fetch = trap->scause == EXC_INST_GUEST_PAGE_FAULT;
	fault->implicit = htinst_is_pseudo(trap->htinst);
	if (fault->implicit) {
		fault->write = trap->htinst & HTINST_PSEUDO_WRITE;
	} else {
		fault->write = trap->scause == EXC_STORE_GUEST_PAGE_FAULT;
		fault->gpa |= trap->stval & 3;
	}
	return 0;
}

/*
 * If htinst is 0, either the access itself or the page-table walk for it has faulted: walk the
 * guest's tables to find out which. There is no need to know for a fetch, which gets an access
 * fault in both cases, and with vsatp Bare there is no page-table walk.
 */
static int htval_confirm(struct kvm_vcpu *vcpu, const struct hv_trap *trap,
			 struct gstage_fault *fault)
{
	if (htinst_is_pseudo(trap->htinst))
		fault->implicit = true;
	if (trap->htinst || fault->fetch || fault->implicit ||
	    FIELD_GET(SATP_MODE, csr_read(vsatp)) == SATP_MODE_BARE)
		return 0;
	return vsstage_locate(vcpu, trap, fault);
}

const struct gpa_ops gpa_htval_ops = {
	.name = "htval",
	.locate = htval_locate,
	.confirm = htval_confirm,
};
