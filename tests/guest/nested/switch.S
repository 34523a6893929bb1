// SPDX-License-Identifier: MIT
/*
 * switch.S - the payload's world switch: enter its guest, and return at the next trap into HS.
 * Without SBI NACL, it exchanges hstatus and the registers itself, and enters by sret.
 */
#include "callee.h"
#include "nested.h"

	.option	arch, +h
	.text

	/* void l2_switch(struct l2 *l2): restores the payload's own trap vector and hstatus. */
	.globl	l2_switch
l2_switch:
	addi	sp, sp, -128
	callee_registers sd
	sd	sp, L2_HOST_SP(a0)
	la	t0, l2_exit
	csrrw	t0, stvec, t0
	sd	t0, L2_HOST_STVEC(a0)
	csrw	sscratch, a0
	ld	t0, L2_PC(a0)
	csrw	sepc, t0
	li	t1, 1 << 8 | 1 << 5		/* SPP, SPIE */
	csrc	sstatus, t1
	ld	t0, L2_SSTATUS(a0)
	and	t0, t0, t1
	csrs	sstatus, t0
	ld	t0, L2_NACL(a0)
	beqz	t0, 1f
	li	a6, 4				/* sync_sret */
	li	a7, 0x4e41434c
	ecall
	j	.
1:	ld	t0, L2_HSTATUS(a0)
	csrrw	t0, hstatus, t0
	sd	t0, L2_HOST_HSTATUS(a0)
	.irp	n, 1,2,3,4,5,6,7,8,9,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	ld	x\n, 8 * \n(a0)
	.endr
	ld	a0, 80(a0)
	sret

	.balign	4
l2_exit:
	csrrw	a0, sscratch, a0
	.irp	n, 1,2,3,4,5,6,7,8,9,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	sd	x\n, 8 * \n(a0)
	.endr
	ld	t0, L2_NACL(a0)
	bnez	t0, 1f
	ld	t0, L2_HOST_HSTATUS(a0)
	csrrw	t0, hstatus, t0
	sd	t0, L2_HSTATUS(a0)
1:	csrr	t0, sepc
	sd	t0, L2_PC(a0)
	csrr	t0, sstatus
	sd	t0, L2_SSTATUS(a0)
	csrr	t0, scause
	sd	t0, L2_SCAUSE(a0)
	csrr	t0, stval
	sd	t0, L2_STVAL(a0)
	csrr	t0, htval
	sd	t0, L2_HTVAL(a0)
	csrr	t0, htinst
	sd	t0, L2_HTINST(a0)
	ld	t0, L2_HOST_STVEC(a0)
	csrw	stvec, t0
	ld	sp, L2_HOST_SP(a0)
	ld	tp, 112(sp)
	csrrw	t0, sscratch, tp
	sd	t0, 80(a0)
	callee_registers ld
	addi	sp, sp, 128
	ret
