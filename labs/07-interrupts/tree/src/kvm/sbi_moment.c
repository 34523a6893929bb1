// SPDX-License-Identifier: MIT
/*
 * sbi_moment.c - an interrupt at the worst moment, as often as a test wants it. Given.
 *
 * A race is lost once in a million, and then nobody looks. Here the guest says at which moment of its
 * own vCPU's way into the guest a sender comes in between: run.c and wfi.c call irq_moment_comes()
 * there, which does what the sender's thread would do then.
 *
 * Function 0: arm moment a0. 1: lower one's own external line. 2: raise that of the vCPU with the id a0.
 * 3: nothing, the long way.
 */
#include "exit.h"
#include "irq.h"
#include "sbi_moment.h"

#define VCPUS 64

bool irq_moments;

static u8 armed[VCPUS]; /* by index; its own thread's */

void irq_moment_now(struct kvm_vcpu *vcpu, enum irq_moment moment)
{
	if (vcpu->idx >= VCPUS || armed[vcpu->idx] != moment)
		return;
	armed[vcpu->idx] = MOMENT_NONE;
	vcpu_set_irq(vcpu, IRQ_VS_EXT);
}

int sbi_moment(struct kvm_vcpu *vcpu, unsigned long ext, unsigned long fid, struct sbiret *ret)
{
	unsigned long a0 = vcpu->guest.gpr[GPR_A0];
	struct kvm_vcpu *other = vm_find_vcpu(vcpu->kvm, a0);

	(void)ext;
	if (fid == 0 && a0 <= MOMENT_BEFORE_WAIT && vcpu->idx < VCPUS) {
		armed[vcpu->idx] = (u8)a0;
		WRITE_ONCE(irq_moments, true);
	} else if (fid == 1) {
		vcpu_clear_irq(vcpu, IRQ_VS_EXT);
	} else if (fid == 2 && other) {
		vcpu_set_irq(other, IRQ_VS_EXT);
	} else if (fid != 3) {
		ret->error = SBI_ERR_INVALID_PARAM;
	}
	return RESUME_GUEST;
}
