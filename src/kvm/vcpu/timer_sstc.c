// SPDX-License-Identifier: MIT
/*
 * timer_sstc.c - the guest's timer in hardware: vstimecmp is the guest's stimecmp.
 *
 * The hart itself raises VSTIP while time + htimedelta >= vstimecmp, so neither a write of stimecmp
 * nor the timer's interrupt causes an exit. Only a sleeping vCPU needs help: a host timer, armed
 * while the vCPU sleeps. Spec: Sstc; henvcfg.STCE enables it (isa.c).
 */
#include "vcpu/timer.h"

static void sstc_load(struct kvm_vcpu *vcpu)
{
	/* lab 6: write sstc_load: load this vCPU's time and timer into the hart */
	timer_load_delta(vcpu);
	csr_write64(vstimecmp, vcpu->timer.compare);
	/* lab 6 end */
}

static void sstc_put(struct kvm_vcpu *vcpu)
{
	/* lab 6: write sstc_put: save the vCPU's timer, and switch it off in the hart */
	vcpu->timer.compare = csr_read64(vstimecmp);
	/*
	 * The next vCPU on this hart may not have Sstc, and this vCPU's timer must not fire for
	 * that vCPU.
	 */
	csr_write64(vstimecmp, TIMER_NEVER);
	/* lab 6 end */
}

static void sstc_set(struct kvm_vcpu *vcpu, u64 compare)
{
	if (trace_kvm_timer_set_enabled())
		trace_kvm_timer_set(compare, timer_guest_time(vcpu->kvm));
	/* lab 6: write sstc_set: set the timer of a vCPU, loaded or not */
	vcpu->timer.compare = compare;
	if (vcpu->loaded > 0)
		csr_write64(vstimecmp, compare);
	/* lab 6 end */
}

static u64 sstc_get(const struct kvm_vcpu *vcpu)
{
	/* lab 6: write sstc_get: the timer's current value, loaded or not */
	return vcpu->loaded > 0 ? csr_read64(vstimecmp) : vcpu->timer.compare;
	/* lab 6 end */
}

static bool sstc_pending(const struct kvm_vcpu *vcpu)
{
	/* lab 6: write sstc_pending: would VSTIP be pending if the vCPU were loaded? */
	return timer_guest_time(vcpu->kvm) >= vcpu->timer.compare;
	/* lab 6 end */
}

static void sstc_block(struct kvm_vcpu *vcpu)
{
	/* lab 6: write sstc_block: arrange the wake-up of a vCPU that is about to sleep */
	u64 deadline = timer_host_deadline(vcpu->kvm, vcpu->timer.compare);

	/* A timer interrupt that VS has masked does not end its WFI. */
	if (deadline != TIMER_NEVER && (vcpu->csrs.vsie & BIT(IRQ_S_TIMER)))
		hv_timer_start(&vcpu->timer.timer, deadline);
	/* lab 6 end */
}

static void sstc_unblock(struct kvm_vcpu *vcpu)
{
	/* lab 6: write sstc_unblock: cancel the wake-up of sstc_block */
	hv_timer_cancel(&vcpu->timer.timer);
	/* lab 6 end */
}

const struct timer_ops timer_sstc_ops = {
	.name = "sstc",
	.load = sstc_load,
	.put = sstc_put,
	.set = sstc_set,
	.get = sstc_get,
	.pending = sstc_pending,
	.block = sstc_block,
	.unblock = sstc_unblock,
};
