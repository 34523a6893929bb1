// SPDX-License-Identifier: MIT
/*
 * save.S - fill the registers with patterns, make one store, and save the registers to memory.
 */
#include "regs_asm.h"

	/*
	 * void save_with(gprs, store_to): load x1 to x31, except t0, from gprs[1..31], store 0 at
	 * store_to, and save the same registers to gprs[]. Interrupts must be off. tp and sscratch
	 * are preserved.
	 */
	.globl	save_with
save_with:
	callers_to kept
	sd	a0, 128(t0)
	sd	a1, 136(t0)
	mv	t0, a0
	.irp	n, 1,2,3,4,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	ld	x\n, 8 * \n(t0)
	.endr
	la	t0, kept
	ld	t0, 136(t0)
	sd	zero, 0(t0)
	la	t0, kept
	ld	t0, 128(t0)
	.irp	n, 1,2,3,4,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	sd	x\n, 8 * \n(t0)
	.endr
	callers_from kept
	ret

	.bss
	.balign	8
kept:	.space	8 * 18	/* the caller's registers, gprs, store_to */

	.text
	.option	arch, +d
	/* void save_fp_put(values, fcsr); unsigned long save_fp_get(values) returns fcsr. */
	.globl	save_fp_put
save_fp_put:
	.macro	put n
	fld	f\n, 8 * \n(a0)
	.endm
	for_all_f put
	fscsr	a1
	ret
	.globl	save_fp_get
save_fp_get:
	.macro	get n
	fsd	f\n, 8 * \n(a0)
	.endm
	for_all_f get
	frcsr	a0
	ret

	.option	arch, +v
	/*
	 * void save_vec_put(bytes, vcsr): load v0 to v31 and vcsr, and set vl and vtype.
	 * unsigned long save_vec_get(bytes): store v0 to v31; return vcsr | vl << 8 | vtype << 16.
	 */
	.globl	save_vec_put
save_vec_put:
	vsetvli	t0, zero, e8, m8, ta, ma
	.irp	n, 0, 8, 16, 24
	vle8.v	v\n, (a0)
	add	a0, a0, t0
	.endr
	csrw	vcsr, a1
	li	t0, 3
	vsetvli	zero, t0, e16, m2, ta, ma	/* vl 3, and a vtype that is not 0 */
	ret
	.globl	save_vec_get
save_vec_get:
	csrr	t1, vcsr
	csrr	t2, vl
	csrr	t3, vtype
	slli	t2, t2, 8
	slli	t3, t3, 16
	or	t1, t1, t2
	or	t1, t1, t3
	vsetvli	t0, zero, e8, m8, ta, ma
	.irp	n, 0, 8, 16, 24
	vse8.v	v\n, (a0)
	add	a0, a0, t0
	.endr
	mv	a0, t1
	ret
