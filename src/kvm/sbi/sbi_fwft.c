// SPDX-License-Identifier: MIT
/*
 * sbi_fwft.c - FWFT of SBI 3.0: the guest switches features of its hart (fwft.c).
 *
 * The error codes are those of Linux since 6.18.
 */
#include "sbi/sbi.h"
#include "vcpu/fwft.h"

/* ORDER: enum fwft_feature */
static const u32 ids[FWFT_FEATURES] = {
	SBI_FWFT_MISALIGNED,
	SBI_FWFT_POINTER_MASK_PMLEN,
	SBI_FWFT_AD_HW_UPDATING,
};

/* Return the index of a feature that this vCPU may use, or an SBI error (< 0). */
static long find_feature(const struct kvm_vcpu *vcpu, u32 id)
{
	unsigned int i;

	for (i = 0; i < FWFT_FEATURES; i++) {
		if (ids[i] == id)
			break;
	}
	if (i == FWFT_FEATURES)
		return id <= SBI_FWFT_POINTER_MASK_PMLEN ? SBI_ERR_NOT_SUPPORTED : SBI_ERR_DENIED;
	if (!fwft_is_there(vcpu, i) || (vcpu->fwft.disabled & BIT(i)))
		return SBI_ERR_NOT_SUPPORTED;
	return i;
}

static long feature_set(struct kvm_vcpu *vcpu, u32 id, unsigned long value, unsigned long flags)
{
	long i = find_feature(vcpu, id), error;

	if (i < 0)
		return i;
	if (flags & ~(unsigned long)SBI_FWFT_LOCK)
		return SBI_ERR_INVALID_PARAM;
	if (vcpu->fwft.locked & BIT(i))
		return SBI_ERR_DENIED_LOCKED;
	/*
	 * fwft_set() needs a vCPU that is not loaded. The load then writes the new setting to the
	 * hart.
	 */
	vcpu_put(vcpu);
	error = fwft_set(vcpu, (enum fwft_feature)i, value);
	vcpu_load(vcpu);
	if (!error && flags)
		vcpu->fwft.locked |= (u8)BIT(i);
	if (!error)
		trace_kvm_fwft(id, value, flags);
	return error;
}

static long feature_get(const struct kvm_vcpu *vcpu, u32 id, long *value)
{
	long i = find_feature(vcpu, id);

	if (i < 0)
		return i;
	*value = (long)fwft_get(vcpu, (enum fwft_feature)i);
	return SBI_SUCCESS;
}

int sbi_fwft(struct kvm_vcpu *vcpu, unsigned long ext, unsigned long fid, struct sbiret *ret)
{
	const unsigned long *gpr = vcpu->guest.gpr;

	(void)ext;
	switch (fid) {
	case SBI_FWFT_SET:
		ret->error = feature_set(vcpu, (u32)gpr[GPR_A0], gpr[GPR_A1], gpr[GPR_A2]);
		break;
	case SBI_FWFT_GET:
		ret->error = feature_get(vcpu, (u32)gpr[GPR_A0], &ret->value);
		break;
	default:
		ret->error = SBI_ERR_NOT_SUPPORTED;
		break;
	}
	return RESUME_GUEST;
}
