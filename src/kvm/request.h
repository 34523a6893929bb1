// SPDX-License-Identifier: MIT
/*
 * request.h - requests to a vCPU from any thread (request.c).
 */
#ifndef KVM_REQUEST_H
#define KVM_REQUEST_H

#include "kvm.h"

/*
 * Requests are the bits of one word. Any thread sets bits; run.c clears them before the entry. To
 * set a bit for a vCPU that may be running, call vcpu_request(), which also kicks. The order matters
 * for run.c's speed: rare requests come last, and are tested together by one comparison; an
 * immediate operand has 12 bits.
 */
enum vcpu_request {
	REQ_HOST,       /* look for a signal, or for a thread that waits for this hart */
	REQ_IRQ,        /* irq_pending changed */
	REQ_HSM,        /* start, stop or reset of this vCPU */
	REQ_STEAL,      /* the guest's steal time is out of date (steal_time.c) */
	REQ_RESAMPLE,   /* more resample eventfds have to be signaled (irqfd.c) */
	REQ_RING_FULL,  /* the vCPU's dirty ring is full: end KVM_RUN (dirty_ring.c) */
	REQ_TLB_FLUSH,  /* drop all G- and VS-stage translations of this VM on this hart */
	REQ_HFENCE,     /* do the fences in the vCPU's queue */
	REQ_HFENCE_ALL, /* drop all VS-stage translations: the queue is full, tlb_flush=all, or the
			 * host has taken back a page while the vCPU was outside (tlb.c) */
	REQ_FENCE_I,
	REQ_TRACE,  /* trace events were switched on or off (observe.c) */
	REQ_VECTOR, /* the host has used the vector unit: load it again (vector.c) */
	REQ_PMU,    /* counters have to be prepared before they can count (pmu.c) */
	REQ_NACL,   /* memory that L1 shares is out of date (nacl.c) */
	REQ_SHADOW, /* compare the shadow tables with the VM's own, which has changed, or fence them */
	REQ_NESTED_IRQ, /* look for an interrupt of L1 that the hart does not deliver (nested_irq.c) */
};

#define REQ_FROM(first) (~(BIT(first) - 1)) /* this request and all that follow it */

enum vcpu_mode {
	VCPU_OUTSIDE,  /* the host runs; requests are seen before the next entry */
	VCPU_IN_GUEST, /* in the guest or about to be: only a kick makes it see requests */
	VCPU_KICKED,   /* as IN_GUEST, and a kick is on its way: another one is not needed */
};

/* How an OUTSIDE vCPU waits. Fences need not end the wait: they are executed before the entry. */
enum vcpu_blocking {
	VCPU_AWAKE,
	VCPU_ASLEEP,      /* its thread sleeps on waitq, or is about to */
	VCPU_IDLE,        /* it is loaded, and its hart idles */
	VCPU_IDLE_KICKED, /* as IDLE, and an interrupt is on its way to the hart */
};

/*
 * Any thread. Set a request. Kick the vCPU if it is in the guest, or if it waits and the request
 * may end the wait.
 */
void vcpu_request(struct kvm_vcpu *vcpu, enum vcpu_request req);
/*
 * Like vcpu_request(), but if `kicks` is not NULL, gather the interrupt of a hart in it. A sender of
 * several requests sends their interrupts with one hv_kicks_send().
 */
void vcpu_request_gather(struct kvm_vcpu *vcpu, enum vcpu_request req, struct hv_kicks *kicks);
/* Any thread. Make the vCPU leave the guest, wake up or stop idling, if needed. */
void vcpu_kick(struct kvm_vcpu *vcpu);
/*
 * Spin until the vCPU has served the request, or is outside the guest and will serve it before it
 * enters.
 */
void vcpu_wait_request(const struct kvm_vcpu *vcpu, enum vcpu_request req);
/*
 * Any thread. Send the request to every vCPU of the VM. Returns true if some vCPU was in its
 * guest.
 */
bool vm_request_all(struct kvm *vm, enum vcpu_request req);
/*
 * Send the request to every vCPU of the VM, and return when each of them has been outside the guest
 * since, so that none can continue without serving the request. Spins, so the caller must not hold
 * a lock that a vCPU takes on its way out of the guest. Sets the calling vCPU's own bit as well.
 * Returns true if some vCPU was in its guest.
 */
bool vm_request_all_and_wait(struct kvm *vm, enum vcpu_request req);

static inline void vcpu_set_request(struct kvm_vcpu *vcpu, enum vcpu_request req)
{
	__atomic_fetch_or(&vcpu->requests, BIT(req), __ATOMIC_RELEASE);
}

/*
 * To be called after an exit of this vCPU may have woken a thread. The thread may have to run on
 * this hart at once, and a wake-up on the same hart does not cause an interrupt, which would end the
 * guest's run.
 */
static inline void vcpu_yield_if_needed(struct kvm_vcpu *vcpu)
{
	if (hv_resched_needed())
		vcpu_set_request(vcpu, REQ_HOST);
}

#endif
