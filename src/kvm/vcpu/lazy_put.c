// SPDX-License-Identifier: MIT
/*
 * lazy_put.c - keep a vCPU loaded on its hart while its thread runs in user space.
 *
 * Most exits to user space are answered at once, and the same thread calls KVM_RUN again. So the
 * end of KVM_RUN (run.c) usually does not put the vCPU. It restores only the CSRs that programs
 * share with the guest; VS CSRs, hgatp, timer, interrupts and FP stay loaded. None of these has an
 * effect in HS or U mode: interrupts delegated to VS are not taken there (H §2.2), only HLV uses
 * hgatp, and only the core executes HLV. On the bare-metal host, programs find FP off, so their
 * first FP instruction traps. On Linux, FP and vector registers do not stay in the units
 * (kvm_units_release(), kvm_vector_release()).
 *
 * This file contains the vCPU's scheduler hook, in() and out(), which serves the vCPU both while
 * its thread is in KVM_RUN and while the thread is in user space. A thread with a vCPU whose put is
 * pending calls out() when it leaves its hart for any reason, when it ends or executes another
 * program, when it runs another vCPU and, on the bare-metal host, when it uses FP. A thread that
 * needs the state, for an ioctl of the vCPU or to free the VM, calls vcpu_finish_put(). If the vCPU
 * is still loaded for another thread, this interrupts that thread, which then goes through the
 * scheduler, where out() is called.
 *
 * Locks: all functions except out() and the init functions are called with vcpu->mutex held, or by
 * vm_destroy(). The thread that ran the vCPU writes `put_pending`; out() stores PUT_NONE only when the
 * vCPU's state is in memory.
 */
#include "kvm.h"
#include "request.h"
#include "vcpu/fp.h"
#include "vcpu/shared_csrs.h"
#include "vcpu/steal_time.h"

/*
 * Threads in vcpu_finish_put(), of all VMs. The queue is not part of a vCPU or a VM, because both
 * may be freed between mark_put()'s store and its wake-up.
 */
static struct hv_waitq put_waitq;

void lazy_put_init(void)
{
	hv_waitq_init(&put_waitq);
}

static bool put_is_done(void *arg)
{
	const struct kvm_vcpu *vcpu = arg;

	return !__atomic_load_n(&vcpu->put_pending, __ATOMIC_ACQUIRE);
}

/* Record that the put is complete. Once put_pending is PUT_NONE, another may free the vCPU. */
static void mark_put(struct kvm_vcpu *vcpu)
{
	hv_sched_hook_set(NULL);
	__atomic_store_n(&vcpu->put_pending, PUT_NONE, __ATOMIC_RELEASE);
	hv_wake_all(&put_waitq, NULL);
}

static void sched_in(struct hv_sched_hook *hook, unsigned int hart)
{
	struct kvm_vcpu *vcpu = container_of(hook, struct kvm_vcpu, sched_hook);

	(void)hart;
	vcpu_load_csrs(vcpu);
	sta_load(vcpu);
	/*
	 * While this thread did not run, a signal may have arrived, or a kick may have interrupted
	 * another thread on the hart.
	 */
	vcpu_set_request(vcpu, REQ_HOST);
}

static void sched_out(struct hv_sched_hook *hook)
{
	struct kvm_vcpu *vcpu = container_of(hook, struct kvm_vcpu, sched_hook);

	vcpu_put_csrs(vcpu);
	if (vcpu->put_pending)
		mark_put(vcpu); /* in user space: the next KVM_RUN loads the vCPU again */
	else
		sta_preempted(vcpu);
}

void lazy_put_vcpu_init(struct kvm_vcpu *vcpu)
{
	vcpu->sched_hook.in = sched_in;
	vcpu->sched_hook.out = sched_out;
}

void vcpu_finish_put(struct kvm_vcpu *vcpu)
{
	struct hv_sched_hook *hook = &vcpu->sched_hook;

	if (put_is_done(vcpu))
		return;
	hv_pin();
	if (hv_sched_hook_get() == hook) {
		hook->out(hook);
		hv_unpin();
		return;
	}
	hv_unpin();
	hv_sched_hook_request_out(hook, READ_ONCE(vcpu->hart));
	hv_wait_uninterruptible(&put_waitq, put_is_done, vcpu);
	WRITE_ONCE(hook->out_requested, false);
}

void vcpu_begin_run(struct kvm_vcpu *vcpu, struct hv_sched_hook *hook)
{
	if (hook == &vcpu->sched_hook && READ_ONCE(vcpu->put_pending) == PUT_PENDING_UNITS_OUT) {
		vcpu->fp_ops->load(vcpu);
		vcpu_resume(vcpu);
		hv_unpin();
		return;
	}
	if (hook && hook != &vcpu->sched_hook)
		hook->out(hook); /* another vCPU, which this thread ran before */
	hv_unpin();
	vcpu_finish_put(vcpu);
	vcpu_load(vcpu);
}
