// SPDX-License-Identifier: MIT
/*
 * sbi_ipi.c - SBI §7: interrupts from vCPU to vCPU.
 */
#include "exit.h"
#include "irq.h"
#include "pmu.h"
#include "sbi.h"

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
	if (fid != SBI_IPI_SEND_IPI) {
		ret->error = SBI_ERR_NOT_SUPPORTED;
		return RESUME_GUEST;
	}
	pmu_count(vcpu, SBI_PMU_FW_IPI_SENT);
	ret->error = sbi_for_each_hart(vcpu, gpr[GPR_A0], gpr[GPR_A1], sbi_ipi_send, NULL);
	return RESUME_GUEST;
}
