/* SPDX-License-Identifier: MIT */
/*
 * regs_asm.h - for payloads in assembly that use every register between a C caller's two lines.
 */
#ifndef REGS_ASM_H
#define REGS_ASM_H

	/* Sixteen words at a symbol: ra, sp, gp, tp, s0 to s11. t0 is used. */
	.macro	callers_to area
	la	t0, \area
	sd	ra, 0(t0)
	sd	sp, 8(t0)
	sd	gp, 16(t0)
	sd	tp, 24(t0)
	.irp	n, 0,1,2,3,4,5,6,7,8,9,10,11
	sd	s\n, 32 + 8 * \n(t0)
	.endr
	.endm

	.macro	callers_from area
	la	t0, \area
	ld	ra, 0(t0)
	ld	sp, 8(t0)
	ld	gp, 16(t0)
	ld	tp, 24(t0)
	.irp	n, 0,1,2,3,4,5,6,7,8,9,10,11
	ld	s\n, 32 + 8 * \n(t0)
	.endr
	.endm

	/* A macro for each f0 to f31, by its number. */
	.macro	for_all_f op
	.irp	n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	\op	\n
	.endr
	.endm

#endif
