// SPDX-License-Identifier: MIT
/*
 * fp.S - fill and compare the floating-point registers. The C files are built without F and
 * D, so nothing else uses these registers.
 */
#include "regs_asm.h"

	.option	arch, +d

	/* void fp_fill(base, fcsr): set the bits of each fN to base + N, and set fcsr. */
	.globl	fp_fill
fp_fill:
	.macro	fill n
	addi	t0, a0, \n
	fmv.d.x	f\n, t0
	.endm
	for_all_f fill
	fscsr	a1
	ret

	/* unsigned long fp_changed(base, fcsr): bit N: fN is not base + N; bit 32: fcsr differs. */
	.globl	fp_changed
fp_changed:
	li	t2, 0
	.macro	compare n
	addi	t0, a0, \n
	fmv.x.d	t1, f\n
	beq	t0, t1, 1f
	li	t1, 1
	slli	t1, t1, \n
	or	t2, t2, t1
1:
	.endm
	for_all_f compare
	frcsr	t0
	beq	t0, a1, 1f
	li	t1, 1
	slli	t1, t1, 32
	or	t2, t2, t1
1:	mv	a0, t2
	ret

	/* One FP instruction that does not write an FP register, and one that does. */
	.globl	fp_read
fp_read:
	fmv.x.d	a0, f1
	ret
	.globl	fp_write
fp_write:
	fmv.d.x	f1, a0
	ret

	/* unsigned long fp_through(a, addr): fsd a to addr, and return what fld loads. */
	.globl	fp_through
fp_through:
	fmv.d.x	f2, a0
	fsd	f2, 0(a1)
	fld	f3, 0(a1)
	fmv.x.d	a0, f3
	ret

	/* void fp_user(base): called in U mode: fill the registers, and return (to an ecall). */
	.globl	fp_user
fp_user:
	mv	t6, ra
	li	a1, 0x21
	call	fp_fill
	mv	ra, t6
	ret
