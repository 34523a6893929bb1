// SPDX-License-Identifier: MIT
/*
 * float.S - void float_write(value) sets f1; unsigned long float_read(void) returns f1.
 *
 * Each function begins with its only floating-point instruction, and a walkthrough stops before
 * that instruction.
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
