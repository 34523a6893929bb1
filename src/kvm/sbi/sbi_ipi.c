// SPDX-License-Identifier: MIT
/*
 * sbi_ipi.c - SBI §7: interrupts between vCPUs, and the vCPUs that a hart mask names.
 */
#include "request.h"
#include "sbi/sbi.h"
#include "vcpu/irq.h"
#include "vcpu/pmu.h"

long sbi_for_each_hart(struct kvm_vcpu *vcpu, unsigned long mask, unsigned long base,
		       void (*call)(struct kvm_vcpu *target, void *arg), void *arg)
{
	struct kvm_vcpu *target;
	unsigned int i;

	/* lab 9: write sbi_for_each_hart: make the call for each vCPU named, return the error */
	long error = SBI_SUCCESS;

	if (base == ~0UL) {
		kvm_for_each_vcpu(i, target, vcpu->kvm)
			call(target, arg);
		return SBI_SUCCESS;
	}
	for (i = 0; mask; mask >>= 1, i++) {
		if (!(mask & 1))
			continue;
		target = base + i >= base ? vm_find_vcpu(vcpu->kvm, base + i) : NULL;
		if (target)
			call(target, arg);
		else
			error = SBI_ERR_INVALID_PARAM;
	}
	return error;
	/* lab 9 end */
}

void sbi_ipi_send(struct kvm_vcpu *target, void *arg)
{
	pmu_count(target, SBI_PMU_FW_IPI_RECEIVED);
	vcpu_set_irq_gather(target, IRQ_VS_SOFT, arg);
}

long sbi_ipi_send_mask(struct kvm_vcpu *vcpu, unsigned long mask, unsigned long base)
{
	struct hv_kicks kicks = { .count = 0 };
	long error = sbi_for_each_hart(vcpu, mask, base, sbi_ipi_send, &kicks);

	hv_kicks_send(&kicks);
	vcpu_yield_if_needed(vcpu);
	return error;
}

int sbi_ipi(struct kvm_vcpu *vcpu, unsigned long ext, unsigned long fid, struct sbiret *ret)
{
	const unsigned long *gpr = vcpu->guest.gpr;

	(void)ext;
	/* lab 9: write sbi_ipi: send the IPIs, and count the call */
	if (fid != SBI_IPI_SEND_IPI) {
		ret->error = SBI_ERR_NOT_SUPPORTED;
		return RESUME_GUEST;
	}
	pmu_count(vcpu, SBI_PMU_FW_IPI_SENT);
	ret->error = sbi_ipi_send_mask(vcpu, gpr[GPR_A0], gpr[GPR_A1]);
	return RESUME_GUEST;
	/* lab 9 end */
}
