/* SPDX-License-Identifier: MIT */
/*
 * irq_step.h - steps of irq.c, request.c and run.c at which another thread can intervene. Given.
 *
 * Include this header last: in the rest of the file, each full fence is a step, and in irq.c
 * (IRQ_STEPS) so is each atomic change of a word. At a step, irq_step_now() (sbi_moment.c) does
 * what the other thread could do there. Functions in the file that includes this header must call
 * their vCPU `vcpu`.
 */
#ifndef KVM_IRQ_STEP_H
#define KVM_IRQ_STEP_H

#include "sbi/sbi_moment.h"

static inline void irq_step_comes(struct kvm_vcpu *vcpu, bool fence)
{
	if (READ_ONCE(irq_moments))
		irq_step_now(vcpu, fence);
}

static inline void irq_fence_comes(struct kvm_vcpu *vcpu, int order)
{
	if (order == __ATOMIC_SEQ_CST)
		irq_step_comes(vcpu, true);
}

/* In native tests, each full fence is already a step of the test (tests/native/fence_step.h). */
#ifndef __atomic_thread_fence
#define __atomic_thread_fence(order) (irq_fence_comes(vcpu, order), __atomic_thread_fence(order))
#endif
#define __sync_synchronize() (irq_step_comes(vcpu, true), __sync_synchronize())

#ifdef IRQ_STEPS
#define __atomic_fetch_or(word, bits, order) \
	(irq_step_comes(vcpu, false), __atomic_fetch_or(word, bits, order))
#define __atomic_or_fetch(word, bits, order) \
	(irq_step_comes(vcpu, false), __atomic_or_fetch(word, bits, order))
#define __atomic_fetch_and(word, bits, order) \
	(irq_step_comes(vcpu, false), __atomic_fetch_and(word, bits, order))
#define __atomic_and_fetch(word, bits, order) \
	(irq_step_comes(vcpu, false), __atomic_and_fetch(word, bits, order))
#define __atomic_exchange_n(word, value, order) \
	(irq_step_comes(vcpu, false), __atomic_exchange_n(word, value, order))
#endif

#endif
