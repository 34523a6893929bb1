// SPDX-License-Identifier: MIT
/*
 * sbi_time.c - SBI §6: set the guest's next timer event.
 */
#include "sbi/sbi.h"
#include "vcpu/pmu.h"
#include "vcpu/timer.h"

int sbi_time(struct kvm_vcpu *vcpu, unsigned long ext, unsigned long fid, struct sbiret *ret)
{
	const unsigned long *gpr = vcpu->guest.gpr;
	u64 next = gpr[GPR_A0];

	(void)ext;
	if (fid != SBI_TIME_SET_TIMER) {
		ret->error = SBI_ERR_NOT_SUPPORTED;
		return RESUME_GUEST;
	}
	pmu_count(vcpu, SBI_PMU_FW_SET_TIMER);
	if (sizeof(unsigned long) == 4)
		next |= (u64)gpr[GPR_A1] << 32;
	vcpu->timer_ops->set(vcpu, next);
	return RESUME_GUEST;
}
