// SPDX-License-Identifier: MIT
/*
 * request.c - telling a vCPU something from another thread, and being sure it listens.
 *
 * The rule that makes it safe: a sender sets its request bit, then reads mode; the
 * vCPU's thread sets mode to IN_GUEST, then reads the request word (run.c). With a full
 * fence between in both, at least one sees the other: either the thread finds the bit and
 * does not enter, or the sender finds IN_GUEST and kicks. The kick is an interrupt of the
 * host: with SIE = 0 it stays pending until the guest runs, and then ends that at once.
 */
#include "kvm.h"
#include "timer.h"

void vcpu_request(struct kvm_vcpu *vcpu, enum vcpu_request req)
{
	vcpu_set_request(vcpu, req);
	vcpu_kick(vcpu);
}

void vcpu_kick(struct kvm_vcpu *vcpu)
{
	u32 mode = VCPU_IN_GUEST;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (READ_ONCE(vcpu->blocking)) {
		trace_kvm_vcpu_kick(vcpu->id, 1);
		hv_wake_all(&vcpu->waitq);
		return;
	}
	if (READ_ONCE(vcpu->mode) != VCPU_IN_GUEST)
		return;
	/* One interrupt an exit is enough: only who makes it KICKED sends one. */
	if (!__atomic_compare_exchange_n(&vcpu->mode, &mode, VCPU_KICKED, false, __ATOMIC_SEQ_CST,
					 __ATOMIC_RELAXED))
		return;
	trace_kvm_hart_kick(READ_ONCE(vcpu->hart));
	hv_hart_kick(READ_ONCE(vcpu->hart));
}

/*
 * Its thread takes the bit while mode is OUTSIDE and serves it before the next entry, so
 * either sight will do. The caller's own vCPU is OUTSIDE, hence never waited for, and
 * two callers cannot wait for each other.
 */
void vcpu_wait_request(const struct kvm_vcpu *vcpu, enum vcpu_request req)
{
	while (__atomic_load_n(&vcpu->mode, __ATOMIC_ACQUIRE) != VCPU_OUTSIDE &&
	       (__atomic_load_n(&vcpu->requests, __ATOMIC_ACQUIRE) & BIT(req)))
		hv_cpu_relax();
}

/* All kicks first, then all waits: the exits overlap. */
bool vm_request_all_and_wait(struct kvm *vm, enum vcpu_request req)
{
	struct kvm_vcpu *vcpu;
	bool reached = false;
	unsigned int i;

	kvm_for_each_vcpu(i, vcpu, vm) {
		vcpu_request(vcpu, req);
		reached |= READ_ONCE(vcpu->mode) != VCPU_OUTSIDE;
	}
	kvm_for_each_vcpu(i, vcpu, vm)
		vcpu_wait_request(vcpu, req);
	return reached;
}

static bool sleep_over(void *arg)
{
	struct kvm_vcpu *vcpu = arg;

	return vcpu->sleep_cond(vcpu);
}

/*
 * The CSRs leave the hart first, so that the condition, which may run on any hart, finds
 * them in memory. `blocking` is set before the condition's first look and a sender reads
 * it after its change: as with mode, one of the two sees the other.
 */
int vcpu_sleep(struct kvm_vcpu *vcpu, bool (*cond)(struct kvm_vcpu *vcpu))
{
	int err;

	vcpu_put(vcpu);
	vcpu->sleep_cond = cond;
	WRITE_ONCE(vcpu->blocking, 1);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	vcpu->timer_ops->block(vcpu);
	err = hv_wait(&vcpu->waitq, sleep_over, vcpu, HV_FOREVER);
	vcpu->timer_ops->unblock(vcpu);
	WRITE_ONCE(vcpu->blocking, 0);
	vcpu_set_request(vcpu, REQ_HOST);
	vcpu_load(vcpu);
	return err;
}
