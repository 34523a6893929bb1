// SPDX-License-Identifier: MIT
/* sbi_sta.c - SBI §16: set the address of the guest's steal-time structure (steal_time.c). */
#include "mmu/memslot.h"
#include "request.h"
#include "sbi/sbi.h"
#include "vcpu/steal_time.h"

static long set_shmem(struct kvm_vcpu *vcpu, unsigned long lo, unsigned long hi,
		      unsigned long flags)
{
	const struct memslot *slot;
	gpa_t gpa = lo;

	if (flags)
		return SBI_ERR_INVALID_PARAM;
	if (lo == ~0UL && hi == ~0UL) {
		sta_reset(vcpu);
		return SBI_SUCCESS;
	}
	if (!IS_ALIGNED(lo, STA_SIZE))
		return SBI_ERR_INVALID_PARAM;
	if (sizeof(lo) == 4)
		gpa |= (gpa_t)hi << 32;
	else if (hi)
		return SBI_ERR_INVALID_ADDRESS;
	memslot_vcpu_refresh(vcpu);
	slot = memslot_find(vcpu, gpa_to_gfn(gpa));
	if (!slot || (slot->flags & KVM_MEM_READONLY))
		return SBI_ERR_INVALID_ADDRESS;
	return sta_begin(vcpu, gpa) ? SBI_ERR_FAILED : SBI_SUCCESS;
}

int sbi_sta(struct kvm_vcpu *vcpu, unsigned long ext, unsigned long fid, struct sbiret *ret)
{
	const unsigned long *gpr = vcpu->guest.gpr;

	(void)ext;
	if (fid != SBI_STA_SET_SHMEM)
		ret->error = SBI_ERR_NOT_SUPPORTED;
	else
		ret->error = set_shmem(vcpu, gpr[GPR_A0], gpr[GPR_A1], gpr[GPR_A2]);
	/* sta_begin() may have slept while it wrote, so make run.c look for a signal. */
	vcpu_set_request(vcpu, REQ_HOST);
	return RESUME_GUEST;
}
