// SPDX-License-Identifier: MIT
/*
 * timer.c - what both variants of the guest's timer share.
 *
 * A vCPU with Sstc uses variant sstc, and any other vCPU uses hrtimer. A new vCPU has Sstc if every
 * hart has it and toggle `timer` is sstc. The VMM may change this before the vCPU first runs.
 */
#include "request.h"
#include "vcpu/irq.h"
#include "vcpu/isa.h"
#include "vcpu/timer.h"

/*
 * Without Sstc, the host timer raises the guest's line. With Sstc, the host timer is armed only
 * while the vCPU sleeps without a hart, and only wakes the vCPU.
 */
void timer_expired(struct hv_timer *timer)
{
	struct kvm_vcpu *vcpu = container_of(timer, struct kvm_vcpu, timer.timer);
	u64 now = timer_guest_time(vcpu->kvm);
	u64 compare = READ_ONCE(vcpu->timer.compare), deadline;

	if (now < compare) { /* KVM_SET_ONE_REG of another vCPU has set the VM's clock back */
		deadline = timer_host_deadline(vcpu->kvm, compare);
		if (deadline != TIMER_NEVER)
			hv_timer_start(timer, deadline);
		return;
	}
	trace_kvm_timer_fire(compare, now - compare);
	/* lab 6: write timer_expired: with Sstc, wake the vCPU; otherwise, raise its timer line */
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
	 * The VMM may have set the timer already: in KVM_GET_REG_LIST, the timer's registers
	 * precede those of the extensions, and a VMM usually writes them in that order. Have the
	 * old variant cancel its event, and lower the line that it may have raised.
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

static void add_to_delta(struct kvm *vm, void *ticks)
{
	WRITE_ONCE(vm->time_delta, vm->time_delta + *(const u64 *)ticks);
}

/* Values of the timer are guest times, so they stay right. */
void kvm_time_went_back(u64 ticks)
{
	vm_for_each(add_to_delta, &ticks);
}

u64 timer_host_deadline(const struct kvm *vm, u64 compare)
{
	/* lab 6: write timer_host_deadline: convert a guest time to a host time */
	u64 now = timer_guest_time(vm);

	/* The guest chooses compare: it may be in the past, or too large for a host deadline. */
	if (compare == TIMER_NEVER)
		return TIMER_NEVER;
	if (compare <= now)
		return hv_time();
	return compare - now >= TIMER_NEVER - hv_time() ? TIMER_NEVER : hv_time() + (compare - now);
	/* lab 6 end */
}
