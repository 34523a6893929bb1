// SPDX-License-Identifier: MIT
/*
 * fence.S - what this hart fetched before is fetched again.
 *
 *   local_fence_i()
 *
 * Spec: Zifencei. The fences of translations are in hfence.h.
 */
	.text

	.global	local_fence_i
	.type	local_fence_i, @function
local_fence_i:
	fence.i
	ret
