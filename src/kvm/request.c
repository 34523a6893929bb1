// SPDX-License-Identifier: MIT
/*
 * request.c - send requests to a vCPU from another thread, and kick it if it is in the guest.
 *
 * The rule that keeps requests from being missed: a sender sets its request bit, then reads mode;
 * the vCPU's thread sets mode to IN_GUEST, then reads the request word (run.c). With a full fence
 * between the two steps on both sides, at least one side sees the other: either the thread finds
 * the bit and does not enter, or the sender finds IN_GUEST and kicks. The kick is a host interrupt:
 * with SIE = 0 it stays pending until the guest runs, and then ends the guest's run at once. The
 * same rule holds for `blocking` and the event that a vCPU waits for: a sleeping vCPU is woken, and
 * an idle one is kicked.
 */
#include "request.h"

/*
 * The requests that make a waiting vCPU check whether its wait is over. The others are served
 * before the next entry.
 */
#define WAKING (BIT(REQ_HOST) | BIT(REQ_IRQ) | BIT(REQ_HSM))

static void kick_or_gather(unsigned int hart, struct hv_kicks *kicks)
{
	if (kicks)
		hv_kicks_add(kicks, hart);
	else
		hv_hart_kick(hart);
}

/* One interrupt is enough: only the thread that changes `state` from `from` to `to` sends it. */
static void kick_hart(struct kvm_vcpu *vcpu, u32 *state, u32 from, u32 to, struct hv_kicks *kicks)
{
	/* lab 9: write kick_hart: send the interrupt if this caller changes the state */
	if (!__atomic_compare_exchange_n(state, &from, to, false, __ATOMIC_ACQUIRE,
					 __ATOMIC_ACQUIRE))
		return;
	trace_kvm_hart_kick(READ_ONCE(vcpu->hart));
	kick_or_gather(READ_ONCE(vcpu->hart), kicks);
	/* lab 9 end */
}

static void kick(struct kvm_vcpu *vcpu, bool wakes, struct hv_kicks *kicks)
{
	u32 blocking;

	/* lab 7, 9: write kick: make the vCPU leave the guest, wake up or stop idling, if needed */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	blocking = READ_ONCE(vcpu->blocking);
	if (!blocking) {
		if (READ_ONCE(vcpu->mode) == VCPU_IN_GUEST)
			kick_hart(vcpu, &vcpu->mode, VCPU_IN_GUEST, VCPU_KICKED, kicks);
		return;
	}
	if (!wakes)
		return;
	trace_kvm_vcpu_kick(vcpu->id, 1);
	if (blocking == VCPU_ASLEEP)
		hv_wake_all(&vcpu->waitq, kicks);
	else
		kick_hart(vcpu, &vcpu->blocking, VCPU_IDLE, VCPU_IDLE_KICKED, kicks);
	/* lab 7, 9 end */
}

void vcpu_request_gather(struct kvm_vcpu *vcpu, enum vcpu_request req, struct hv_kicks *kicks)
{
	vcpu_set_request(vcpu, req);
	kick(vcpu, BIT(req) & WAKING, kicks);
}

void vcpu_request(struct kvm_vcpu *vcpu, enum vcpu_request req)
{
	vcpu_request_gather(vcpu, req, NULL);
}

void vcpu_kick(struct kvm_vcpu *vcpu)
{
	kick(vcpu, true, NULL);
}

/*
 * The vCPU's thread clears the request's bit while mode is OUTSIDE, and serves the request before
 * the next entry. So it is enough to see that the bit is clear or that mode is OUTSIDE. If the
 * caller is itself a vCPU's thread, that vCPU is OUTSIDE and nobody waits for it, so two callers
 * cannot wait for each other.
 */
void vcpu_wait_request(const struct kvm_vcpu *vcpu, enum vcpu_request req)
{
	/* lab 9: write vcpu_wait_request: wait until it is served or the vCPU is outside */
	while (__atomic_load_n(&vcpu->mode, __ATOMIC_ACQUIRE) != VCPU_OUTSIDE &&
	       (__atomic_load_n(&vcpu->requests, __ATOMIC_ACQUIRE) & BIT(req)))
		hv_cpu_relax();
	/* lab 9 end */
}

bool vm_request_all(struct kvm *vm, enum vcpu_request req)
{
	struct hv_kicks kicks = { .count = 0 };
	struct kvm_vcpu *vcpu;
	unsigned int i;

	/* lab 9: write vm_request_all: gather the kicks of requests to every vCPU, then send them */
	bool reached = false;

	kvm_for_each_vcpu(i, vcpu, vm) {
		vcpu_request_gather(vcpu, req, &kicks);
		reached |= READ_ONCE(vcpu->mode) != VCPU_OUTSIDE;
	}
	hv_kicks_send(&kicks);
	return reached;
	/* lab 9 end */
}

/* Send all kicks before the first wait, so that the exits overlap. */
bool vm_request_all_and_wait(struct kvm *vm, enum vcpu_request req)
{
	struct kvm_vcpu *vcpu;
	unsigned int i;

	/* lab 9: write vm_request_all_and_wait: send req to every vCPU, then wait for each */
	bool reached = vm_request_all(vm, req);

	kvm_for_each_vcpu(i, vcpu, vm)
		vcpu_wait_request(vcpu, req);
	return reached;
	/* lab 9 end */
}
