// SPDX-License-Identifier: MIT
/*
 * float.S - void float_write(value): f1 = value.  unsigned long float_read(void): f1.
 *
 * Each begins with its only floating-point instruction: a walkthrough stops before it.
 */
	.option	arch, +d
	.text

	.globl	float_write
float_write:
	fmv.d.x	f1, a0
	ret

	.globl	float_read
float_read:
	fmv.x.d	a0, f1
	ret
