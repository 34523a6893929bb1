// SPDX-License-Identifier: MIT
/* sbi_nacl.c - SBI §15: nested acceleration for a guest hypervisor (vcpu/nacl.h). */
#include <asm-generic/errno.h>
#include "sbi/sbi.h"
#include "vcpu/nacl.h"
#include "vcpu/nested.h"

/*
 * Translate an error of nacl.h into the call's result. After -EAGAIN, the guest repeats its ecall at
 * once; other temporary errors end KVM_RUN first.
 */
static int answer(int err, struct sbiret *ret)
{
	if (err == -EFAULT)
		ret->error = SBI_ERR_NO_SHMEM;
	else if (err == -ENOENT)
		ret->error = SBI_ERR_INVALID_PARAM;
	else if (err)
		return err == -EAGAIN ? SBI_NO_RETURN : err;
	return RESUME_GUEST;
}

static int set_shmem(struct kvm_vcpu *vcpu, const unsigned long *args, struct sbiret *ret)
{
	unsigned long lo = args[0], hi = args[1];
	gpa_t gpa = lo;
	int err;

	if (lo == ~0UL && hi == ~0UL && !args[2]) {
		nacl_off(vcpu);
		return RESUME_GUEST;
	}
	if (args[2] || !IS_ALIGNED(lo, PAGE_SIZE)) {
		ret->error = SBI_ERR_INVALID_PARAM;
		return RESUME_GUEST;
	}
	if (sizeof(lo) == 4)
		gpa |= (gpa_t)hi << 32;
	err = sizeof(lo) == 8 && hi ? -EFAULT : nacl_begin(vcpu, gpa);
	if (err != -EFAULT)
		return answer(err, ret);
	ret->error = SBI_ERR_INVALID_ADDRESS;
	return RESUME_GUEST;
}

static int sync_csr(struct kvm_vcpu *vcpu, unsigned long csr, struct sbiret *ret)
{
	int err;

	/* Bits 9:8 of the number of an H or VS CSR are 2. */
	if (csr != NACL_ALL && ((csr & 0x300) != 0x200 || csr >= 0x1000))
		return answer(-ENOENT, ret);
	err = nacl_sync_csr(vcpu, csr);
	if (!err && vcpu->nested.checks)
		nacl_csr_changed(vcpu); /* look for an interrupt of L1 after the call */
	return answer(err, ret);
}

static int sync_hfence(struct kvm_vcpu *vcpu, unsigned long entry, struct sbiret *ret)
{
	if (entry != NACL_ALL && entry >= NACL_HFENCES)
		return answer(-ENOENT, ret);
	return answer(nacl_sync_hfence(vcpu, entry), ret);
}

/*
 * Apply the pending CSRs and fences, swap hstatus (each if the feature is on), load L2's registers from
 * the shared memory, and execute an sret. If SPV is then 0 in hstatus, the sret stays in L1.
 */
static int sync_sret(struct kvm_vcpu *vcpu, struct sbiret *ret)
{
	int err = nacl_sync_sret(vcpu);

	if (err)
		return answer(err, ret);
	nested_sret(vcpu);
	if (!vcpu->nested.v)
		nacl_csr_changed(vcpu);
	return SBI_NO_RETURN;
}

/* Call the function of a feature, which needs the shared memory. */
static int synchronize(struct kvm_vcpu *vcpu, unsigned long fid, struct sbiret *ret)
{
	enum nacl_feature feature = (enum nacl_feature)(fid - SBI_NACL_SYNC_CSR);

	if (!nacl_has(vcpu, feature)) {
		ret->error = nacl_permits(vcpu, feature) ? SBI_ERR_NO_SHMEM : SBI_ERR_NOT_SUPPORTED;
		return RESUME_GUEST;
	}
	if (feature == NACL_SYNC_SRET)
		return sync_sret(vcpu, ret);
	if (feature == NACL_SYNC_HFENCE)
		return sync_hfence(vcpu, vcpu->guest.gpr[GPR_A0], ret);
	return sync_csr(vcpu, vcpu->guest.gpr[GPR_A0], ret);
}

int sbi_nacl(struct kvm_vcpu *vcpu, unsigned long ext, unsigned long fid, struct sbiret *ret)
{
	const unsigned long *args = &vcpu->guest.gpr[GPR_A0];
	int result = RESUME_GUEST;

	(void)ext;
	nested_unsettle(vcpu);
	switch (fid) {
	case SBI_NACL_PROBE_FEATURE:
		ret->value = nacl_permits(vcpu, (u32)args[0]);
		break;
	case SBI_NACL_SET_SHMEM:
		result = set_shmem(vcpu, args, ret);
		break;
	case SBI_NACL_SYNC_CSR:
	case SBI_NACL_SYNC_HFENCE:
	case SBI_NACL_SYNC_SRET:
		result = synchronize(vcpu, fid, ret);
		break;
	default:
		ret->error = SBI_ERR_NOT_SUPPORTED;
		break;
	}
	nested_settle(vcpu);
	return result;
}
