// SPDX-License-Identifier: MIT
/*
 * lab03.S - SBI calls of lab 3 that C cannot make
 *
 * unsigned long lab_reg(ext, fid, value, n): make the call with value in s(n), n = 2 to 11, and
 * different values in the rest of s2 to s11; returns a1, or 1 if a0 is not 0.
 *
 * unsigned long lab_skip(ext, fid): make the call, followed by 6 instructions that each add a bit;
 * returns the bits, with bit 6 set if a0 or a1 is not 0.
 */
	.option	norvc
	.globl	lab_reg
lab_reg:
	addi	sp, sp, -128
	.irp	n, 2,3,4,5,6,7,8,9,10,11
	sd	s\n, 8 * \n(sp)
	.endr
	mv	a7, a0
	mv	a6, a1
	mv	t0, a2
	mv	t1, a3
	.irp	n, 2,3,4,5,6,7,8,9,10,11
	addi	s\n, t0, 16 * \n + 1
	addi	t2, t1, -\n
	bnez	t2, 1f
	mv	s\n, t0
1:
	.endr
	li	a0, 0
	li	a1, 0
	ecall
	beqz	a0, 1f
	li	a1, 1
1:	mv	a0, a1
	.irp	n, 2,3,4,5,6,7,8,9,10,11
	ld	s\n, 8 * \n(sp)
	.endr
	addi	sp, sp, 128
	ret

	.globl	lab_skip
lab_skip:
	mv	a7, a0
	mv	a6, a1
	li	a2, 0
	ecall
	addi	a2, a2, 1
	addi	a2, a2, 2
	addi	a2, a2, 4
	addi	a2, a2, 8
	addi	a2, a2, 16
	addi	a2, a2, 32
	or	a0, a0, a1
	snez	a0, a0
	slli	a0, a0, 6
	or	a0, a0, a2
	ret
