// SPDX-License-Identifier: MIT
/*
 * hsm.c - which vCPUs of a VM run: the states behind SBI HSM and KVM_SET_MP_STATE.
 *
 * A stopped vCPU's thread sleeps inside KVM_RUN. Another thread's start leaves the
 * entry point under hsm_lock and wakes it; the registers are reset by the vCPU's own
 * thread, which alone may touch them. Spec: SBI §9.
 */
#include "kvm.h"

void hsm_power_off(struct kvm_vcpu *vcpu)
{
	spin_lock(&vcpu->hsm_lock);
	vcpu->hsm_stopped = true;
	spin_unlock(&vcpu->hsm_lock);
	vcpu_request(vcpu, REQ_HSM);
}

void hsm_power_on(struct kvm_vcpu *vcpu)
{
	spin_lock(&vcpu->hsm_lock);
	vcpu->hsm_stopped = false;
	spin_unlock(&vcpu->hsm_lock);
	vcpu_request(vcpu, REQ_HSM);
}

bool hsm_start(struct kvm_vcpu *vcpu, unsigned long pc, unsigned long opaque)
{
	bool stopped;

	spin_lock(&vcpu->hsm_lock);
	stopped = vcpu->hsm_stopped;
	if (stopped) {
		vcpu->start_pc = pc;
		vcpu->start_opaque = opaque;
		vcpu->hsm_reset = true;
		vcpu->hsm_stopped = false;
	}
	spin_unlock(&vcpu->hsm_lock);
	if (stopped)
		vcpu_request(vcpu, REQ_HSM);
	return stopped;
}

bool hsm_is_stopped(struct kvm_vcpu *vcpu)
{
	return READ_ONCE(vcpu->hsm_stopped);
}

static bool hsm_may_go_on(struct kvm_vcpu *vcpu)
{
	return !hsm_is_stopped(vcpu) || READ_ONCE(vcpu->kvm->dead);
}

int hsm_serve(struct kvm_vcpu *vcpu)
{
	unsigned long pc = 0, opaque = 0;
	bool reset;
	int err;

	if (hsm_is_stopped(vcpu)) {
		err = vcpu_sleep(vcpu, hsm_may_go_on);
		if (err) {
			/* Still stopped: the next KVM_RUN waits again. */
			vcpu_set_request(vcpu, REQ_HSM);
			return err;
		}
	}
	spin_lock(&vcpu->hsm_lock);
	reset = vcpu->hsm_reset;
	vcpu->hsm_reset = false;
	if (reset) {
		pc = vcpu->start_pc;
		opaque = vcpu->start_opaque;
	}
	spin_unlock(&vcpu->hsm_lock);
	if (reset)
		vcpu_reset(vcpu, pc, opaque);
	return 0;
}
