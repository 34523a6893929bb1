// SPDX-License-Identifier: MIT
/*
 * l1.S - the world switch of a small hypervisor (l1.c), and its guest (L2)
 */
#include "nested/callee.h"

	.option	arch, +h
	.text

#define HSTATUS_SPV (1 << 7)
#define SSTATUS_SPP (1 << 8)

	.macro	l2_registers insn
	.irp	n, 1,3,4,5,6,7,8,9,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	\insn	x\n, 8 * \n(a0)
	.endr
	.endm

	/* void l1_enter(unsigned long regs[32]): run L2 at sepc until its next exit. */
	.globl	l1_enter
l1_enter:
	addi	sp, sp, -128
	callee_registers sd
	sd	a0, 120(sp)
	csrw	sscratch, sp
	la	t0, l1_exit
	csrrw	t0, stvec, t0
	addi	sp, sp, -16
	sd	t0, 0(sp)
	li	t0, SSTATUS_SPP
	csrs	sstatus, t0
	li	t0, HSTATUS_SPV
	csrs	hstatus, t0
	l2_registers ld
	ld	a0, 80(a0)
	sret

	.balign	4
l1_exit:
	csrrw	sp, sscratch, sp	/* L2 does not use sp */
	sd	a0, -8(sp)
	ld	a0, 120(sp)
	l2_registers sd
	ld	t0, -8(sp)
	sd	t0, 80(a0)
	ld	t0, -16(sp)
	csrw	stvec, t0
	callee_registers ld
	addi	sp, sp, 128
	ret

	/* unsigned long l1_load(address): load from L2's memory. */
	.globl	l1_load
l1_load:
	hlv.d	a0, (a0)
	ret

	.globl	l1_fence
l1_fence:
	hfence.gvma
	ret

	/*
	 * L2: make s0 calls, each with the address of l2_words in a1; load from s1 pages, from s2 on; wait s3
	 * times, with an interrupt pending; make a last call, with 1 in a0.
	 */
	.globl	l2_start
	.balign	4
l2_start:
	la	a1, l2_words
	li	a0, 0
1:	ecall
	addi	s0, s0, -1
	bnez	s0, 1b
	li	t1, 4096
1:	ld	t0, 0(s2)
	add	s2, s2, t1
	addi	s1, s1, -1
	bnez	s1, 1b
1:	wfi
	addi	s3, s3, -1
	bnez	s3, 1b
	li	a0, 1
	ecall

	.balign	8
l2_words:
	.dword	1, 2, 3, 4
