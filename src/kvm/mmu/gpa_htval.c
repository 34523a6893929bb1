// SPDX-License-Identifier: MIT
/*
 * gpa_htval.c - the faulting address as the hardware tells it (toggle gpa_from=htval).
 *
 * htval is the address without its low 2 bits, which for an explicit access are those of
 * stval. htinst is a pseudoinstruction where the guest's own walk faulted. Hardware may leave
 * either 0: then, and only then, the guest's tables are walked.
 *
 * The same contract by the walk alone: gpa_walk.c. Spec: H §2.8, H §6.3.
 */
#include <asm-generic/errno.h>
#include "mmu/gpa.h"

/* Of a pseudoinstruction, the bit that tells a write of A and D from a read (H §6.3). */
#define HTINST_PSEUDO_WRITE BIT(5)

static int htval_locate(struct kvm_vcpu *vcpu, const struct hv_trap *trap,
			struct gstage_fault *fault)
{
	/* 0 says that the hardware did not tell (H §2.8); page 0 cannot be told from it. */
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

/* htinst of 0 leaves open whether the access faulted or the walk for it did. */
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
