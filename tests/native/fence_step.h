/* SPDX-License-Identifier: MIT */
/*
 * fence_step.h - let a test run the other side of a race at each of the core's full fences.
 *
 * The compiler's command line includes it into each file of src/kvm (rules.mk). The hook sees what
 * the core wrote before a full fence, and the core sees after it what the hook changes. So a claim
 * holds or fails each time, while a real race seldom shows a missing fence, and sanitizers never.
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
