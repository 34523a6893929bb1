/* SPDX-License-Identifier: MIT */
/*
 * regs_asm.h - macros for assembly that is called from C and uses every register.
 */
#ifndef REGS_ASM_H
#define REGS_ASM_H

	/*
	 * Store (insn: sd) or load (insn: ld) ra, sp, gp, tp and s0 to s11. Register `at` points to
	 * their 16 doublewords.
	 */
	.macro	callers insn, at
	\insn	ra, 0(\at)
	\insn	sp, 8(\at)
	\insn	gp, 16(\at)
	\insn	tp, 24(\at)
	.irp	n, 0,1,2,3,4,5,6,7,8,9,10,11
	\insn	s\n, 32 + 8 * \n(\at)
	.endr
	.endm

	/*
	 * callers_to stores the registers of `callers` at a symbol; callers_from loads them. Both
	 * overwrite t0.
	 */
	.macro	callers_to area
	la	t0, \area
	callers	sd, t0
	.endm

	.macro	callers_from area
	la	t0, \area
	callers	ld, t0
	.endm

	/* Apply a macro to the number of each register from f0 to f31. */
	.macro	for_all_f op
	.irp	n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	\op	\n
	.endr
	.endm

#endif
