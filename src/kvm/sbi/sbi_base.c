// SPDX-License-Identifier: MIT
/*
 * sbi_base.c - SBI §4: version, implementation and available extensions.
 *
 * The implementation id is 3 (KVM), and the implementation version is Linux's. Guests choose their
 * workarounds by these numbers, and the interface that they see here is KVM's, whatever implements
 * it.
 */
#include "sbi/sbi.h"

#define SPEC_VERSION (3UL << 24)
#define IMP_ID       3UL
#define IMP_VERSION  0x70300UL /* 7.3.0 */

bool sbi_probe_is_ours(unsigned long ext)
{
	if (ext < SBI_EXT_EXPERIMENTAL_START || ext > SBI_EXT_VENDOR_END)
		return true;
	/*
	 * In the experimental and vendor ranges, user space answers probes, unless the extension
	 * has a row of its own in sbi_ext.def.
	 */
	switch (ext) {
#define SBI_HANDLER(ext, function, id, off) case SBI_EXT_##ext:
#include "sbi/sbi_ext.def"
		return true;
	default:
		return false;
	}
}

/*
 * Does user space have to answer a probe of this extension? Yes, if the core does not answer it and
 * the extension's range is enabled: only user space knows whether it has the extension.
 */
static bool is_for_user(const struct kvm_vcpu *vcpu, unsigned long ext)
{
	return !sbi_probe_is_ours(ext) && sbi_probe(vcpu, ext);
}

/*
 * Answer a probe, or forward it to user space. Not inlined, so that the other functions of the
 * extension do not need a stack frame.
 */
static __attribute__((noinline)) int probe(struct kvm_vcpu *vcpu, struct sbiret *ret)
{
	if (is_for_user(vcpu, vcpu->guest.gpr[GPR_A0]))
		return sbi_forward(vcpu);
	ret->value = (long)sbi_probe(vcpu, vcpu->guest.gpr[GPR_A0]);
	return RESUME_GUEST;
}

int sbi_base(struct kvm_vcpu *vcpu, unsigned long ext, unsigned long fid, struct sbiret *ret)
{
	(void)ext;
	/* lab 3: write the seven functions of the base extension */
	switch (fid) {
	case SBI_BASE_GET_SPEC_VERSION:
		ret->value = SPEC_VERSION;
		break;
	case SBI_BASE_GET_IMPL_ID:
		ret->value = IMP_ID;
		break;
	case SBI_BASE_GET_IMPL_VERSION:
		ret->value = IMP_VERSION;
		break;
	case SBI_BASE_PROBE_EXTENSION:
		return probe(vcpu, ret);
	case SBI_BASE_GET_MVENDORID:
		ret->value = (long)vcpu->mvendorid;
		break;
	case SBI_BASE_GET_MARCHID:
		ret->value = (long)vcpu->marchid;
		break;
	case SBI_BASE_GET_MIMPID:
		ret->value = (long)vcpu->mimpid;
		break;
	default:
		ret->error = SBI_ERR_NOT_SUPPORTED;
		break;
	}
	return RESUME_GUEST;
	/* lab 3 end */
}
