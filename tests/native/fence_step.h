/* SPDX-License-Identifier: MIT */
/*
 * fence_step.h - let a test act as the other side of a race at each full fence of the core.
 *
 * The compiler's command line includes this file in each file of src/kvm (rules.mk). The hook sees
 * what the core wrote before the fence, and the core sees the hook's changes after the fence. If
 * the fence is missing, the hook is not called, so a test that relies on the hook always fails.
 * Real races seldom show a missing fence, and sanitizers never do.
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
