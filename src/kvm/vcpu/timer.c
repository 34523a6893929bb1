// SPDX-License-Identifier: MIT
/*
 * timer.c - what both variants of the guest's timer share.
 *
 * The variant is chosen with the VM: Sstc if the platform has it and the toggle does not say
 * otherwise. If a VMM removes Sstc from a vCPU, that vCPU gets hrtimer.
 */
#include "request.h"
#include "vcpu/irq.h"
#include "vcpu/isa.h"
#include "vcpu/timer.h"

/*
 * Without Sstc, the host timer raises the guest's line. With Sstc, it only wakes a blocked vCPU,
 * which sleeps without a hart.
 */
void timer_expired(struct hv_timer *timer)
{
	struct kvm_vcpu *vcpu = container_of(timer, struct kvm_vcpu, timer.timer);
	u64 now = timer_guest_time(vcpu->kvm);
	u64 compare = READ_ONCE(vcpu->timer.compare);

	trace_kvm_timer_fire(compare, now - compare);
	/* lab 6: write timer_expired: raise the guest's line without Sstc, wake the vCPU with it */
	if (vcpu->timer_ops == &timer_hrtimer_ops)
		vcpu_set_irq(vcpu, IRQ_VS_TIMER);
	else
		vcpu_kick(vcpu);
	/* lab 6 end */
}

void timer_vcpu_init(struct kvm_vcpu *vcpu)
{
	hv_timer_init(&vcpu->timer.timer, timer_expired);
	vcpu->timer.compare = TIMER_NEVER;
	vcpu->timer_ops = &timer_sstc_ops;
	timer_vcpu_choose(vcpu);
}

void timer_vcpu_choose(struct kvm_vcpu *vcpu)
{
	bool sstc = isa_has(vcpu, KVM_RISCV_ISA_EXT_SSTC);
	const struct timer_ops *ops = sstc ? &timer_sstc_ops : &timer_hrtimer_ops;
	u64 compare = vcpu->timer_ops->get(vcpu);

	if (ops == vcpu->timer_ops)
		return;
	/*
	 * The VMM may have set the timer already: its register precedes those of the extensions in
	 * KVM_GET_REG_LIST. The old variant cancels its event, and lowers the line that it may have
	 * raised.
	 */
	if (compare != TIMER_NEVER)
		vcpu->timer_ops->set(vcpu, TIMER_NEVER);
	vcpu->timer_ops = ops;
	if (compare != TIMER_NEVER)
		ops->set(vcpu, compare);
}

void timer_clock_set(struct kvm_vcpu *vcpu)
{
	u64 compare = vcpu->timer_ops->get(vcpu);

	/*
	 * The host's timer follows the old clock, and an event that was due may now be in the
	 * future.
	 */
	if (compare != TIMER_NEVER)
		vcpu->timer_ops->set(vcpu, compare);
}

void timer_vcpu_destroy(struct kvm_vcpu *vcpu)
{
	hv_timer_cancel(&vcpu->timer.timer);
}

void timer_load_delta(const struct kvm_vcpu *vcpu)
{
	csr_write64(htimedelta, READ_ONCE(vcpu->kvm->time_delta));
}

u64 timer_host_deadline(const struct kvm *vm, u64 compare)
{
	/* lab 6: write timer_host_deadline: convert a guest time to a host time */
	u64 now = timer_guest_time(vm);

	/* The guest chooses compare: it may lie before now, or beyond the end of time. */
	if (compare == TIMER_NEVER)
		return TIMER_NEVER;
	if (compare <= now)
		return hv_time();
	return compare - now >= TIMER_NEVER - hv_time() ? TIMER_NEVER : hv_time() + (compare - now);
	/* lab 6 end */
}
