// SPDX-License-Identifier: MIT
/*
 * hsm.c - which vCPUs of a VM run: the states behind SBI HSM and KVM_SET_MP_STATE.
 *
 * A stopped vCPU's thread sleeps inside KVM_RUN. When another vCPU's thread starts the vCPU (SBI
 * HSM), it stores the entry point under hsm_lock and wakes the sleeping thread. The woken thread
 * resets the registers, because during KVM_RUN no other thread may write them. Spec: SBI §9.
 */
#include "irqchip.h"
#include "request.h"
#include "vcpu/hsm.h"
#include "vcpu/irq.h"

void hsm_power_off(struct kvm_vcpu *vcpu)
{
	spin_lock(&vcpu->hsm_lock);
	WRITE_ONCE(vcpu->hsm_stopped, true);
	spin_unlock(&vcpu->hsm_lock);
	vcpu_request(vcpu, REQ_HSM);
}

/*
 * Count the start only when the vCPU is no longer stopped. If it was counted before, a check that
 * reads the count in between would still find the vCPU stopped, and miss the start (sbi_susp.c).
 */
static void mark_started(struct kvm_vcpu *vcpu)
{
	WRITE_ONCE(vcpu->hsm_stopped, false);
	__atomic_fetch_add(&vcpu->kvm->hsm_starts, 1, __ATOMIC_RELEASE);
}

void hsm_power_on(struct kvm_vcpu *vcpu)
{
	spin_lock(&vcpu->hsm_lock);
	mark_started(vcpu);
	spin_unlock(&vcpu->hsm_lock);
	vcpu_request(vcpu, REQ_HSM);
}

static void reset_irqchip(struct kvm_vcpu *vcpu)
{
	if (irqchip_is_ready(vcpu->kvm) && vcpu->kvm->irqchip->reset_vcpu)
		vcpu->kvm->irqchip->reset_vcpu(vcpu);
}

/*
 * Make the vCPU's thread reset the vCPU and continue at pc. Call with hsm_lock held. The software
 * and timer lines are reset here, and not later with the registers: from now on the vCPU counts as
 * started, and an interrupt sent to it must not be lost.
 */
static void reset_later(struct kvm_vcpu *vcpu, unsigned long pc, unsigned long opaque, bool resumes)
{
	vcpu->start_pc = pc;
	vcpu->start_opaque = opaque;
	vcpu->start_resumes = resumes;
	WRITE_ONCE(vcpu->hsm_reset, true);
	vcpu_drop_irqs(vcpu);
}

bool hsm_start(struct kvm_vcpu *vcpu, unsigned long pc, unsigned long opaque)
{
	bool stopped;

	spin_lock(&vcpu->hsm_lock);
	stopped = vcpu->hsm_stopped;
	if (stopped) {
		reset_later(vcpu, pc, opaque, false);
		reset_irqchip(vcpu); /* at once, like the lines */
		mark_started(vcpu);
	}
	spin_unlock(&vcpu->hsm_lock);
	if (stopped)
		vcpu_request(vcpu, REQ_HSM);
	return stopped;
}

/*
 * The next two functions serve calls of the vCPU's own guest. If a reset is pending, the vCPU was
 * stopped (by another vCPU's SRST call) and started again after the guest made the call, so the
 * call belongs to the state before that reset: ignore it.
 */
void hsm_stop_self(struct kvm_vcpu *vcpu)
{
	bool reload;

	/*
	 * A start resets the interrupt controller's registers only if they are in memory. So move
	 * them there before the vCPU counts as stopped.
	 */
	hv_pin();
	reload = READ_ONCE(vcpu->guest_file);
	if (reload)
		vcpu_put_csrs(vcpu);
	spin_lock(&vcpu->hsm_lock);
	if (!vcpu->hsm_reset)
		WRITE_ONCE(vcpu->hsm_stopped, true);
	spin_unlock(&vcpu->hsm_lock);
	if (reload)
		vcpu_load_csrs(vcpu);
	hv_unpin();
	vcpu_set_request(vcpu, REQ_HSM);
}

/* The interrupt controller keeps its state: an interrupt has to end the suspend (sbi_susp.c). */
void hsm_reset_self(struct kvm_vcpu *vcpu, unsigned long pc, unsigned long opaque)
{
	spin_lock(&vcpu->hsm_lock);
	if (!vcpu->hsm_reset)
		reset_later(vcpu, pc, opaque, true);
	spin_unlock(&vcpu->hsm_lock);
	vcpu_set_request(vcpu, REQ_HSM);
}

bool hsm_start_is_pending(struct kvm_vcpu *vcpu)
{
	return !hsm_is_stopped(vcpu) && READ_ONCE(vcpu->hsm_reset);
}

bool hsm_is_stopped(struct kvm_vcpu *vcpu)
{
	return READ_ONCE(vcpu->hsm_stopped);
}

static bool hsm_may_run(struct kvm_vcpu *vcpu)
{
	return !hsm_is_stopped(vcpu);
}

/*
 * Perform a pending reset. Call with the vCPU's mutex held, as KVM_RUN does: only the holder may
 * write the registers.
 */
static void reset_if_started(struct kvm_vcpu *vcpu)
{
	unsigned long pc = 0, opaque = 0;
	bool reset, resumes = false;

	spin_lock(&vcpu->hsm_lock);
	reset = vcpu->hsm_reset;
	WRITE_ONCE(vcpu->hsm_reset, false);
	if (reset) {
		pc = vcpu->start_pc;
		opaque = vcpu->start_opaque;
		resumes = vcpu->start_resumes;
	}
	spin_unlock(&vcpu->hsm_lock);
	if (resumes)
		vcpu_reset_for_resume(vcpu, pc, opaque);
	else if (reset)
		vcpu_reset(vcpu, pc, opaque);
}

/*
 * Perform a pending reset even while the vCPU is stopped: otherwise, an earlier start would later
 * overwrite the registers that user space sets from now on.
 */
void hsm_settle(struct kvm_vcpu *vcpu)
{
	if (READ_ONCE(vcpu->hsm_reset))
		reset_if_started(vcpu);
}

void hsm_reset_by_user(struct kvm_vcpu *vcpu)
{
	/* Cancel an earlier start: user space decides where the vCPU continues. */
	spin_lock(&vcpu->hsm_lock);
	WRITE_ONCE(vcpu->hsm_reset, false);
	spin_unlock(&vcpu->hsm_lock);
	vcpu_reset(vcpu, 0, 0);
	vcpu->guest.gpr[GPR_A0] = 0; /* not the hart ID, which only a start by SBI HSM passes */
	vcpu_write_irqs(vcpu, 0);
	reset_irqchip(vcpu);
	if (irqchip_is_ready(vcpu->kvm))
		vcpu->kvm->irqchip->reset_lines(vcpu);
}

int hsm_serve(struct kvm_vcpu *vcpu)
{
	int err;

	if (hsm_is_stopped(vcpu)) {
		err = vcpu_sleep(vcpu, hsm_may_run);
		if (err) {
			/* Still stopped: the next KVM_RUN waits again. */
			vcpu_set_request(vcpu, REQ_HSM);
			return err;
		}
	}
	reset_if_started(vcpu);
	return 0;
}
