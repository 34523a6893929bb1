// SPDX-License-Identifier: MIT
/*
 * sbi_susp.c - SBI §13: suspend the whole machine.
 *
 * User space carries out the suspend. This file checks the call, prepares the caller's reset to
 * resume_addr, and exits with KVM_EXIT_RISCV_SBI, as Linux has done since 6.13. Whatever user space
 * answers, the next KVM_RUN resumes the guest there. The extension is off until user space enables
 * it.
 */
#include "mmu/memslot.h"
#include "sbi/sbi.h"
#include "vcpu/hsm.h"

/*
 * Is every other vCPU stopped? The vCPUs are checked one after the other. Meanwhile, a vCPU that
 * has not been checked yet may start one that has been checked, and then stop itself. So the answer
 * is yes only if no vCPU was started during the check.
 */
static bool others_are_stopped(struct kvm_vcpu *vcpu)
{
	u32 starts = __atomic_load_n(&vcpu->kvm->hsm_starts, __ATOMIC_ACQUIRE);
	struct kvm_vcpu *other;
	unsigned int i;

	kvm_for_each_vcpu(i, other, vcpu->kvm) {
		if (other != vcpu && !hsm_is_stopped(other))
			return false;
	}
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return starts == READ_ONCE(vcpu->kvm->hsm_starts);
}

static long suspend_check(struct kvm_vcpu *vcpu, u32 type, unsigned long resume_addr)
{
	if (type != SBI_SUSP_TO_RAM)
		return SBI_ERR_INVALID_PARAM;
	memslot_vcpu_refresh(vcpu);
	if (!memslot_find(vcpu, gpa_to_gfn(resume_addr)))
		return SBI_ERR_INVALID_ADDRESS;
	return others_are_stopped(vcpu) ? SBI_SUCCESS : SBI_ERR_DENIED;
}

int sbi_susp(struct kvm_vcpu *vcpu, unsigned long ext, unsigned long fid, struct sbiret *ret)
{
	const unsigned long *gpr = vcpu->guest.gpr;

	(void)ext;
	if (fid != SBI_SUSP_SYSTEM_SUSPEND) {
		ret->error = SBI_ERR_NOT_SUPPORTED;
		return RESUME_GUEST;
	}
	ret->error = suspend_check(vcpu, (u32)gpr[GPR_A0], gpr[GPR_A1]);
	if (ret->error)
		return RESUME_GUEST;
	hsm_reset_self(vcpu, gpr[GPR_A1], gpr[GPR_A2]);
	return sbi_forward(vcpu);
}
