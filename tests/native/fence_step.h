/* SPDX-License-Identifier: MIT */
/*
 * fence_step.h - the core's full fences, as moments at which a test has the other side come in between.
 *
 * Included into each file of src/kvm by the compiler's command line (rules.mk). What the core has
 * written before a full fence the hook sees, and what it changes the core sees behind it. So a claim
 * holds or fails each time, where a race shows a missing fence seldom, and sanitizers do not.
 */
#ifndef NATIVE_FENCE_STEP_H
#define NATIVE_FENCE_STEP_H

extern void (*native_fence_hook)(void);

static inline void native_fence_comes(int order)
{
	if (order == __ATOMIC_SEQ_CST && native_fence_hook)
		native_fence_hook();
}

#define __atomic_thread_fence(order) (native_fence_comes(order), __atomic_thread_fence(order))

#endif
