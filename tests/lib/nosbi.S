/* SPDX-License-Identifier: MIT */
/*
 * nosbi.S - firmware without SBI extensions: it starts the payload in S mode and answers every SBI
 * call with SBI_ERR_NOT_SUPPORTED. Used by a test of usage errors.
 */
	.globl	_start
_start:
	csrr	t0, mhartid
	bnez	t0, park
	la	t0, trap
	csrw	mtvec, t0
	li	t0, 0xffff		/* to S: interrupts, most exceptions, no ecalls from S */
	csrw	mideleg, t0
	li	t0, 0xf0b50d
	csrw	medeleg, t0
	li	t0, -1
	csrw	mcounteren, t0
	csrw	pmpaddr0, t0
	csrw	0x30a, t0		/* menvcfg: enable every extension for S */
	li	t0, 0x1f
	csrw	pmpcfg0, t0
	li	t0, 0x1800		/* mstatus.MPP = S */
	csrc	mstatus, t0
	li	t0, 0x0800
	csrs	mstatus, t0
	li	t0, 0x80200000
	csrw	mepc, t0
	csrr	a0, mhartid		/* a1: the device tree's address, from QEMU's reset code */
	mret

	.balign	4
trap:	csrr	t0, mepc
	addi	t0, t0, 4
	csrw	mepc, t0
	li	a0, -2
	li	a1, 0
	mret

park:	wfi
	j	park
