// SPDX-License-Identifier: MIT
/*
 * fence.S - discard instructions that this hart may have fetched earlier.
 *
 *   local_fence_i()
 *
 * Spec: Zifencei. The fences for translations are in hfence.h.
 */
	.text

	.global	local_fence_i
	.type	local_fence_i, @function
local_fence_i:
	fence.i
	ret
