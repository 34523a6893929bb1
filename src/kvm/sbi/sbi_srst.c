// SPDX-License-Identifier: MIT
/*
 * sbi_srst.c - SBI §10: power off or restart the machine.
 */
#include "sbi/sbi.h"

int sbi_srst(struct kvm_vcpu *vcpu, unsigned long ext, unsigned long fid, struct sbiret *ret)
{
	u32 type = (u32)vcpu->guest.gpr[GPR_A0];
	u32 reason = (u32)vcpu->guest.gpr[GPR_A1];

	(void)ext;
	ret->error = SBI_ERR_NOT_SUPPORTED;
	if (fid != SBI_SRST_SYSTEM_RESET)
		return RESUME_GUEST;
	ret->error = SBI_ERR_INVALID_PARAM;
	if (reason > SBI_SRST_REASON_SYSFAIL)
		return RESUME_GUEST;
	switch (type) {
	case SBI_SRST_TYPE_SHUTDOWN:
		return sbi_system_event(vcpu, KVM_SYSTEM_EVENT_SHUTDOWN, reason);
	case SBI_SRST_TYPE_COLD_REBOOT:
	case SBI_SRST_TYPE_WARM_REBOOT:
		return sbi_system_event(vcpu, KVM_SYSTEM_EVENT_RESET, reason);
	default:
		return RESUME_GUEST;
	}
}
