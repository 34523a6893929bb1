// SPDX-License-Identifier: MIT
/*
 * sbi_ipi.c - SBI §7: interrupts between vCPUs, and the search for the vCPUs that a hart mask
 * names.
 *
 * The vCPUs of a VM may have any ids, with gaps in between, so sbi_for_each_hart() loops over the
 * list of vCPUs, not over the mask.
 */
#include "sbi/sbi.h"
#include "vcpu/irq.h"
#include "vcpu/pmu.h"

long sbi_for_each_hart(struct kvm_vcpu *vcpu, unsigned long mask, unsigned long base,
		       void (*call)(struct kvm_vcpu *target, void *arg), void *arg)
{
	struct kvm_vcpu *target;
	unsigned int i;

	/* lab 9: write sbi_for_each_hart: make the call for each vCPU named, return the error */
	unsigned long left = mask;

	kvm_for_each_vcpu(i, target, vcpu->kvm) {
		if (base == ~0UL) {
			call(target, arg);
			continue;
		}
		if (target->id < base || target->id - base >= BITS_PER_LONG)
			continue;
		if (!(mask & BIT(target->id - base)))
			continue;
		call(target, arg);
		left &= ~BIT(target->id - base);
	}
	return base != ~0UL && left ? SBI_ERR_INVALID_PARAM : SBI_SUCCESS;
	/* lab 9 end */
}

void sbi_ipi_send(struct kvm_vcpu *target, void *arg)
{
	(void)arg;
	pmu_count(target, SBI_PMU_FW_IPI_RECEIVED);
	vcpu_set_irq(target, IRQ_VS_SOFT);
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
	ret->error = sbi_for_each_hart(vcpu, gpr[GPR_A0], gpr[GPR_A1], sbi_ipi_send, NULL);
	return RESUME_GUEST;
	/* lab 9 end */
}
