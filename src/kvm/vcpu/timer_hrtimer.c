// SPDX-License-Identifier: MIT
/*
 * timer_hrtimer.c - the guest's timer without Sstc: a host timer that raises VSTIP.
 *
 * The guest sets the timer through SBI, because it has no stimecmp (henvcfg.STCE is 0). The host
 * timer is armed whether the vCPU runs, sleeps or waits for a hart; when it fires, it sets the line
 * and kicks the vCPU. Setting a later time clears the line (SBI §6).
 */
#include "vcpu/irq.h"
#include "vcpu/timer.h"

static void hrtimer_load(struct kvm_vcpu *vcpu)
{
	timer_load_delta(vcpu);
}

static void hrtimer_put(struct kvm_vcpu *vcpu)
{
	(void)vcpu;
}

static void hrtimer_set(struct kvm_vcpu *vcpu, u64 compare)
{
	u64 deadline = timer_host_deadline(vcpu->kvm, compare);

	if (trace_kvm_timer_set_enabled())
		trace_kvm_timer_set(compare, timer_guest_time(vcpu->kvm));
	/* lab 6: write hrtimer_set: cancel the old timer, clear its line, start the new one */
	/*
	 * Cancel first: if the old timer fires before that, the line that it raises is cleared
	 * below.
	 */
	hv_timer_cancel(&vcpu->timer.timer);
	WRITE_ONCE(vcpu->timer.compare, compare);
	vcpu_clear_irq(vcpu, IRQ_VS_TIMER);
	/*
	 * If the time has already passed, the interrupt must be pending at the guest's next
	 * instruction.
	 */
	if (compare <= timer_guest_time(vcpu->kvm))
		timer_expired(&vcpu->timer.timer);
	else if (deadline != TIMER_NEVER)
		hv_timer_start(&vcpu->timer.timer, deadline);
	/* lab 6 end */
}

static u64 hrtimer_get(const struct kvm_vcpu *vcpu)
{
	return vcpu->timer.compare;
}

/* Always false: vcpu_has_irq() finds a pending timer interrupt in the line. */
static bool hrtimer_pending(const struct kvm_vcpu *vcpu)
{
	(void)vcpu;
	return false;
}

static void hrtimer_no_op(struct kvm_vcpu *vcpu)
{
	(void)vcpu;
}

const struct timer_ops timer_hrtimer_ops = {
	.name = "hrtimer",
	.load = hrtimer_load,
	.put = hrtimer_put,
	.set = hrtimer_set,
	.get = hrtimer_get,
	.pending = hrtimer_pending,
	.block = hrtimer_no_op,
	.unblock = hrtimer_no_op,
};
