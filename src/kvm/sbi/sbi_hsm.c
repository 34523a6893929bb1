// SPDX-License-Identifier: MIT
/*
 * sbi_hsm.c - SBI §9: starting, stopping and suspending vCPUs.
 */
#include "mmu/memslot.h"
#include "request.h"
#include "sbi/sbi.h"
#include "vcpu/hsm.h"
#include "vcpu/nested.h"
#include "vcpu/wfi.h"

static long hart_start(struct kvm_vcpu *vcpu, unsigned long id, unsigned long pc,
		       unsigned long opaque)
{
	struct kvm_vcpu *target = vm_find_vcpu(vcpu->kvm, id);

	if (!target)
		return SBI_ERR_INVALID_PARAM;
	memslot_vcpu_refresh(vcpu);
	/*
	 * Refuse a pc where there is no memory. Linux would start the hart anyway, and the
	 * hart's first fetch would end the VM.
	 */
	if (!memslot_find(vcpu, gpa_to_gfn(pc)))
		return SBI_ERR_INVALID_ADDRESS;
	if (!hsm_start(target, pc, opaque))
		return SBI_ERR_ALREADY_AVAILABLE;
	vcpu_yield_if_needed(vcpu);
	return SBI_SUCCESS;
}

static long hart_status(struct kvm_vcpu *vcpu, unsigned long id, long *status)
{
	struct kvm_vcpu *target = vm_find_vcpu(vcpu->kvm, id);

	if (!target)
		return SBI_ERR_INVALID_PARAM;
	if (hsm_is_stopped(target))
		*status = SBI_HSM_STOPPED;
	else if (hsm_start_is_pending(target))
		*status = SBI_HSM_START_PENDING;
	else if (READ_ONCE(target->suspended))
		*status = SBI_HSM_SUSPENDED;
	else
		*status = SBI_HSM_STARTED;
	return SBI_SUCCESS;
}

/* Retentive suspend waits like WFI. Non-retentive suspend is not offered. */
static long hart_suspend(struct kvm_vcpu *vcpu, unsigned long type)
{
	if (type == SBI_HSM_SUSPEND_NON_RETENTIVE)
		return SBI_ERR_NOT_SUPPORTED;
	if (type != SBI_HSM_SUSPEND_RETENTIVE)
		return SBI_ERR_INVALID_PARAM;
	WRITE_ONCE(vcpu->suspended, true);
	if (vcpu->nested.on)
		nested_wfi(vcpu);
	else
		vcpu_wfi(vcpu);
	WRITE_ONCE(vcpu->suspended, false);
	return SBI_SUCCESS;
}

int sbi_hsm(struct kvm_vcpu *vcpu, unsigned long ext, unsigned long fid, struct sbiret *ret)
{
	const unsigned long *gpr = vcpu->guest.gpr;

	(void)ext;
	switch (fid) {
	case SBI_HSM_HART_START:
		ret->error = hart_start(vcpu, gpr[GPR_A0], gpr[GPR_A1], gpr[GPR_A2]);
		break;
	case SBI_HSM_HART_STOP:
		/*
		 * The stop takes effect before the next entry, so the call never returns to the
		 * guest.
		 */
		hsm_stop_self(vcpu);
		break;
	case SBI_HSM_HART_GET_STATUS:
		ret->error = hart_status(vcpu, gpr[GPR_A0], &ret->value);
		break;
	case SBI_HSM_HART_SUSPEND:
		ret->error = hart_suspend(vcpu, (u32)gpr[GPR_A0]);
		break;
	default:
		ret->error = SBI_ERR_NOT_SUPPORTED;
		break;
	}
	return RESUME_GUEST;
}
