// SPDX-License-Identifier: MIT
/*
 * run.c - the KVM_RUN loop: serve requests, enter the guest, handle exits.
 *
 * The order of the loop's steps keeps kicks from being lost (request.c): requests are served, mode
 * becomes IN_GUEST, the request word is read once more, and, if it is 0, the world switch follows.
 * Interrupts are off during these steps: an interrupt that arrives after the last read of the
 * request word stays pending until the guest runs, and then ends the guest's run at once. If the last
 * read finds a request, interrupts are taken before the loop starts again (vcpu_not_entered()).
 */
#include "hv/barrier.h"
#include "exit/exit.h"
#include "exit/observe.h"
#include "irqchip.h"
#include "kvm.h"
#include "kvm_asm.h"
#include "mmu/dirty_ring.h"
#include "mmu/memslot.h"
#include "mmu/shadow.h"
#include "mmu/tlb.h"
#include "mmu/vmid.h"
#include "request.h"
#include "sbi/sbi.h"
#include "vcpu/hsm.h"
#include "vcpu/irq.h"
#include "vcpu/nacl.h"
#include "vcpu/nested.h"
#include "vcpu/pmu.h"
#include "vcpu/shared_csrs.h"
#include "vcpu/steal_time.h"
#include "vcpu/timer.h"
#include "vcpu/vector.h"

/*
 * Serve REQ_PMU, REQ_SHADOW, REQ_NACL, REQ_VECTOR, REQ_NESTED_IRQ, and REQ_TRACE, which is sent
 * after trace events have been switched on or off. REQ_VECTOR comes after the first three, because
 * these may sleep, and Linux may use vectors meanwhile. Not inlined, so that fences do not pay for
 * it. Returns 0; or -errno, and then all requests have to be served once more.
 */
static __attribute__((noinline)) int serve_changes(struct kvm_vcpu *vcpu, unsigned long requests)
{
	int err = 0;

	if (requests & BIT(REQ_PMU))
		pmu_serve(vcpu);
	if (requests & BIT(REQ_SHADOW))
		shadow_serve(vcpu);
	if (requests & BIT(REQ_NACL))
		err = nacl_serve(vcpu);
	if (requests & BIT(REQ_VECTOR))
		vector_reload(vcpu);
	if (requests & BIT(REQ_NESTED_IRQ))
		nested_serve_irq(vcpu);
	if (requests & BIT(REQ_TRACE)) {
		trace_exit_forget(&vcpu->exit_clock);
		trace_exit_settle(&vcpu->exit_clock);
		vcpu_observe(vcpu);
	}
	return err;
}

/* Serve fences from other vCPUs and from the host (tlb.c, sbi_rfence.c, notifier.c). */
static void serve_fences(struct kvm_vcpu *vcpu, unsigned long requests)
{
	if (requests & BIT(REQ_FENCE_I)) {
		trace_kvm_fence_i(READ_ONCE(vcpu->kvm->gstage.vmid));
		local_fence_i();
	}
	tlb_serve(vcpu, requests);
}

#define END_RUN 1 /* of a request: KVM_RUN returns 0; exit_reason says why */

static int end_by_signal(struct kvm_vcpu *vcpu)
{
	WRITE_ONCE(vcpu->run->exit_reason, KVM_EXIT_INTR);
	vcpu->stats.signal_exits++;
	return -EINTR;
}

/* Reschedule if needed. Returns -EINTR if a signal is pending, else 0. */
static int serve_host(struct kvm_vcpu *vcpu)
{
	if (!hv_host_needed())
		return 0;
	if (hv_resched_needed())
		hv_resched();
	return hv_signal_pending() ? end_by_signal(vcpu) : 0;
}

/*
 * End KVM_RUN, which then returns 0, if the dirty ring is still full. The request stays pending:
 * the guest must not run until user space has reset entries.
 */
static int serve_ring_full(struct kvm_vcpu *vcpu)
{
	if (!dirty_ring_is_full(vcpu))
		return 0;
	vcpu_set_request(vcpu, REQ_RING_FULL);
	WRITE_ONCE(vcpu->run->exit_reason, KVM_EXIT_DIRTY_RING_FULL);
	return END_RUN;
}

/* Keep the requests pending, for example while the vCPU is stopped, and end KVM_RUN with err. */
static int keep_requests(struct kvm_vcpu *vcpu, unsigned long requests, int err)
{
	__atomic_fetch_or(&vcpu->requests, requests, __ATOMIC_RELAXED);
	return err == -EINTR ? end_by_signal(vcpu) : err;
}

/*
 * Serve all pending requests. Returns 0 to enter the guest, END_RUN, or -errno. A request that has
 * been served is no longer pending, even if a later one ends the run.
 */
static int serve_requests(struct kvm_vcpu *vcpu)
{
	unsigned long requests = __atomic_exchange_n(&vcpu->requests, 0, __ATOMIC_ACQUIRE);
	int err;

	if (trace_kvm_request_enabled())
		trace_kvm_request(requests);
	if (requests & BIT(REQ_HSM)) {
		err = hsm_serve(vcpu);
		if (err)
			return keep_requests(vcpu, requests, err);
	}
	if (requests & BIT(REQ_IRQ))
		vcpu_flush_irqs(vcpu);
	if (requests & REQ_FROM(REQ_TLB_FLUSH)) {
		serve_fences(vcpu, requests);
		err = requests & REQ_FROM(REQ_TRACE) ? serve_changes(vcpu, requests) : 0;
		if (err)
			return keep_requests(vcpu, requests, err);
	}
	if (requests & BIT(REQ_STEAL))
		sta_update(vcpu);
	if (requests & BIT(REQ_RESAMPLE))
		vcpu->kvm->irqchip->resample_rest(vcpu);
	err = requests & BIT(REQ_RING_FULL) ? serve_ring_full(vcpu) : 0;
	/* Interrupts may have been taken meanwhile (sta_update(), resampling): a signal may arrive. */
	if (!err && (requests & (BIT(REQ_HOST) | BIT(REQ_STEAL) | BIT(REQ_RESAMPLE))))
		err = serve_host(vcpu);
	return err;
}

/* Not inlined, so that run_once() does not save registers for this call while no event is on. */
static __attribute__((noinline)) void observe_entry(struct kvm_vcpu *vcpu)
{
	vcpu_observe_entry(vcpu);
	if (trace_sample_enabled())
		hv_sample(SAMPLE_HS, (unsigned long)vcpu_run);
}

/* Enter the guest until an exit that the fast path does not finish. Returns scause. */
static inline unsigned long enter_guest(void *arg)
{
	vcpu_enter(arg);
	return csr_read(scause);
}

/* Not inlined, because it is rarely called. */
__attribute__((noinline)) int vcpu_not_entered(struct kvm_vcpu *vcpu)
{
	if (!hv_poll_interrupts() || hv_signal_pending())
		vcpu_set_request(vcpu, REQ_HOST);
	return RESUME_GUEST;
}

/*
 * Enter the guest once and handle its exit. Returns what the exit handler returns, or RESUME_GUEST
 * without entering the guest if a request is pending.
 */
static int run_once(struct kvm_vcpu *vcpu)
{
	struct hv_trap trap;

	hv_pin();
	vmid_update(vcpu);
	/* lab 7: write the last look at the requests, once the mode makes every sender kick */
	/*
	 * Release: a thread that sees this mode kicks `hart`, which was written earlier
	 * (vcpu_load()).
	 */
	__atomic_store_n(&vcpu->mode, VCPU_IN_GUEST, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (READ_ONCE(vcpu->requests)) {
		__atomic_store_n(&vcpu->mode, VCPU_OUTSIDE, __ATOMIC_RELEASE);
		hv_unpin();
		return vcpu_not_entered(vcpu);
	}
	/* lab 7 end */

	/*
	 * kvm_entry comes before the exit clock stops, and kvm_exit after it has started, so that a
	 * cost computed from these records does not include the accounting either.
	 */
	if (trace_group_entry()) {
		trace_kvm_entry(vcpu->guest.sepc, trace_exit_class_of(&vcpu->exit_clock));
		trace_exit_forget(&vcpu->exit_clock);
		if (trace_group_look())
			observe_entry(vcpu);
	}
	trap.scause = trace_exit_around(&vcpu->exit_clock, enter_guest, vcpu);
	trap.stval = csr_read(stval);
	trap.htval = csr_read(htval);
	trap.htinst = csr_read(htinst);
	trap.sepc = vcpu->guest.sepc;
	store_release_all(&vcpu->mode, VCPU_OUTSIDE);
	hv_unpin();
	vcpu->stats.exits++;
	trace_kvm_exit(trap.sepc, trap.scause, trap.stval, trap.htval, trap.htinst);
	return vcpu->handle_exit(vcpu, &trap);
}

/* Serve REQ_HOST alone, the only request that is pending after most exits. */
static int serve_host_request(struct kvm_vcpu *vcpu)
{
	__atomic_fetch_and(&vcpu->requests, ~BIT(REQ_HOST), __ATOMIC_ACQUIRE);
	if (trace_kvm_request_enabled())
		trace_kvm_request(BIT(REQ_HOST));
	return serve_host(vcpu);
}

static int run_loop(struct kvm_vcpu *vcpu)
{
	int ret;

	do {
		unsigned long requests = READ_ONCE(vcpu->requests);

		if (requests) {
			ret = requests == BIT(REQ_HOST) ? serve_host_request(vcpu)
							: serve_requests(vcpu);
			if (ret)
				return ret == END_RUN ? 0 : ret;
		}
		ret = run_once(vcpu);
	} while (ret > 0);
	return ret;
}

/*
 * End KVM_RUN before the vCPU is loaded. Out of line, so that the common path does not pay for it.
 */
static __attribute__((noinline)) int not_run(void)
{
	trace_set_vcpu(0, 0);
	return -EINTR;
}

/*
 * Load the vCPU. If its put is pending, it is still loaded, except for the CSRs that its thread's
 * program shares with the guest (lazy_put.c). If its FP and vector registers are in memory as well,
 * vcpu_begin_run() loads them. Inlined, as end_run(), because most calls of KVM_RUN find it so.
 */
static inline void begin_run(struct kvm_vcpu *vcpu)
{
	struct hv_sched_hook *hook;

	hv_pin();
	hook = hv_sched_hook_get();
	/* Read once: the thread that ran the vCPU before may be putting it (mark_put()). */
	if (READ_ONCE(vcpu->put_pending) > PUT_NONE && hook == &vcpu->sched_hook) {
		vcpu_resume(vcpu);
		hv_unpin();
		return;
	}
	vcpu_begin_run(vcpu, hook);
}

/* Leave the vCPU loaded until it is put for another reason (lazy_put.c), or put it at once. */
static inline void end_run(struct kvm_vcpu *vcpu)
{
	if (vcpu->put_at_once) {
		vcpu_put(vcpu);
		return;
	}
	hv_pin();
	put_shared(vcpu);
	trace_set_vcpu(0, 0);
	__atomic_store_n(&vcpu->put_pending, PUT_PENDING, __ATOMIC_RELEASE);
	hv_unpin();
}

/* KVM_RUN with vcpu->mutex held. */
static inline int run_locked(struct kvm_vcpu *vcpu)
{
	int ret;

	vcpu->ran_once = true;
	/*
	 * Do this now, not only when the vCPU is loaded: the records of complete_exit() have to
	 * name this vCPU.
	 */
	if (trace_any())
		vcpu_observe(vcpu);
	complete_exit(vcpu);
	/*
	 * User space sets immediate_exit to complete the last exit without an entry. Read it once:
	 * user space can change it at any time.
	 */
	if (READ_ONCE(vcpu->run->immediate_exit))
		return not_run();

	WRITE_ONCE(vcpu->run->exit_reason, KVM_EXIT_UNKNOWN);
	if (vcpu->sigmask_set)
		hv_sigmask_begin(vcpu->sigmask);
	memslot_vcpu_refresh(vcpu);
	begin_run(vcpu);
	/*
	 * While the thread was in user space or slept in begin_run(), a signal may have
	 * arrived, or another thread may have begun to wait for the hart: check before the first
	 * entry. After most exits to user space, REQ_HOST is still set anyway.
	 */
	if (!(READ_ONCE(vcpu->requests) & BIT(REQ_HOST)) && hv_host_needed())
		vcpu_set_request(vcpu, REQ_HOST);
	ret = run_loop(vcpu);
	/* Before end_run(), so that the record names this vCPU. */
	if (trace_kvm_userspace_exit_enabled())
		trace_kvm_userspace_exit(READ_ONCE(vcpu->run->exit_reason), ret,
					 trace_exit_class_of(&vcpu->exit_clock));
	end_run(vcpu);
	if (vcpu->sigmask_set)
		hv_sigmask_end();
	return ret;
}

long vcpu_run(struct kvm_vcpu *vcpu)
{
	int ret = vcpu_refuse_ioctl(vcpu);

	if (ret)
		return ret;
	if (hv_mutex_lock_killable(&vcpu->mutex))
		return -EINTR;
	trace_kvm_ioctl(KVM_RUN, 0);
	ret = run_locked(vcpu);
	trace_kvm_ioctl_return(KVM_RUN, ret);
	hv_mutex_unlock(&vcpu->mutex);
	return ret;
}
