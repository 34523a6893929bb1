// SPDX-License-Identifier: MIT
/*
 * enter.S - enter a random program, take its traps, and move FP and vector registers.
 */
#include "equivalence.h"

	.text

	/* sandbox_enter(box): execute the program; returns when sandbox_trap() returns 1. */
	.globl	sandbox_enter
sandbox_enter:
	addi	sp, sp, -112
	sd	ra, 0(sp)
	sd	gp, 8(sp)
	.irp	n, 0,1,2,3,4,5,6,7,8,9,10,11
	sd	s\n, 16 + 8 * \n(sp)
	.endr
	sd	sp, SB_CALLER_SP(a0)
	sd	tp, SB_CALLER_TP(a0)
	mv	tp, a0
	ld	t0, SB_REGS(tp)
	csrw	sepc, t0
	.irp	n, 1,2,3,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	ld	x\n, SB_REGS + 8 * \n(tp)
	.endr
	sret

	/* The table of vectors: entry N is at base + 4N (S §1.2); each notes its own number. */
	.option	push
	.option	norvc
	.balign	256
	.globl	sandbox_vectors
sandbox_vectors:
	.irp	n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
	j	entry_\n
	.endr
	.irp	n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
entry_\n:
	sd	t0, SB_REGS + 8 * 5(tp)
	li	t0, \n
	j	trap_common
	.endr
	.option	pop

trap_common:
	sd	t0, SB_ENTRY(tp)
	.irp	n, 1,2,3,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	sd	x\n, SB_REGS + 8 * \n(tp)
	.endr
	ld	sp, SB_SP(tp)
	/* End a reservation of the program: whether a trap does so is unspecified. */
	addi	t0, sp, -8
	sc.d	t0, t0, (t0)
	mv	a0, tp
	call	sandbox_trap
	bnez	a0, 1f
	.irp	n, 1,2,3,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	ld	x\n, SB_REGS + 8 * \n(tp)
	.endr
	sret
1:	ld	sp, SB_CALLER_SP(tp)
	ld	tp, SB_CALLER_TP(tp)
	ld	ra, 0(sp)
	ld	gp, 8(sp)
	.irp	n, 0,1,2,3,4,5,6,7,8,9,10,11
	ld	s\n, 16 + 8 * \n(sp)
	.endr
	addi	sp, sp, 112
	ret

	/*
	 * The vectors of VS mode. Each entry hands its trap over to HS mode, which returns to the sret
	 * behind them.
	 */
	.option	push
	.option	norvc
	.balign	256
	.globl	sandbox_vs_vectors
sandbox_vs_vectors:
	.rept	NR_VECTORS
	ecall
	.endr
	sret
	.option	pop

	.option	push
	.option	arch, +h
	.globl	fence_guest
fence_guest:
	hfence.vvma
	hfence.gvma
	ret
	.option	pop

	/* fp_load(fregs, fcsr) and fcsr = fp_save(fregs); FS is on. */
	.option	push
	.option	arch, +d
	.globl	fp_load
fp_load:
	.irp	n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	fld	f\n, 8 * \n(a0)
	.endr
	fscsr	a1
	ret

	.globl	fp_save
fp_save:
	.irp	n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	fsd	f\n, 8 * \n(a0)
	.endr
	frcsr	a0
	ret
	.option	pop

	/*
	 * vector_load(vregs, avl, vtype) and vector_save(vregs, v); VS is on. v receives vl, vtype,
	 * vstart, vcsr and vlenb.
	 */
	.option	push
	.option	arch, +v
	.globl	vector_load
vector_load:
	csrr	t0, vlenb
	slli	t0, t0, 3
	vl8re8.v	v0, (a0)
	add	a0, a0, t0
	vl8re8.v	v8, (a0)
	add	a0, a0, t0
	vl8re8.v	v16, (a0)
	add	a0, a0, t0
	vl8re8.v	v24, (a0)
	csrw	vcsr, zero
	vsetvl	zero, a1, a2
	ret

	.globl	vector_save
vector_save:
	csrr	t0, vl
	sd	t0, 0(a1)
	csrr	t0, vtype
	sd	t0, 8(a1)
	csrr	t0, vstart
	sd	t0, 16(a1)
	csrr	t0, vcsr
	andi	t0, t0, 7			/* QEMU 10.0 keeps reserved bits of vxrm */
	sd	t0, 24(a1)
	csrw	vstart, zero
	csrr	t0, vlenb
	sd	t0, 32(a1)
	slli	t0, t0, 3
	vs8r.v	v0, (a0)
	add	a0, a0, t0
	vs8r.v	v8, (a0)
	add	a0, a0, t0
	vs8r.v	v16, (a0)
	add	a0, a0, t0
	vs8r.v	v24, (a0)
	ret
	.option	pop
