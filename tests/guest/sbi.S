// SPDX-License-Identifier: MIT
/*
 * sbi.S - make an SBI call with a pattern in every register that it must keep.
 *
 * unsigned long sbi_regs_changed(ext, fid, a0): bit n is set if xn has changed. a0 and a1 may
 * change. a6 and a7, which hold fid and ext, are not compared. Neither are sp and tp: if they
 * changed, the code could not continue.
 */
	.globl	sbi_regs_changed
sbi_regs_changed:
	addi	sp, sp, -128
	sd	ra, 0(sp)
	.irp	n, 0,1,2,3,4,5,6,7,8,9,10,11
	sd	s\n, 8 + 8 * \n(sp)
	.endr
	sd	gp, 104(sp)
	mv	a7, a0
	mv	a6, a1
	mv	a0, a2
	li	a1, 0
	li	ra, 0x5a5a0000 + 1
	.irp	n, 3,5,6,7,8,9,12,13,14,15,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	li	x\n, 0x5a5a0000 + \n
	.endr
	ecall
	sd	a6, 112(sp)
	sd	a7, 120(sp)
	li	a0, 0			/* the result; a1 is scratch now */
	.irp	n, 1,3,5,6,7,8,9,12,13,14,15,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	li	a1, 0x5a5a0000 + \n
	beq	a1, x\n, 1f
	li	a1, 1
	slli	a1, a1, \n
	or	a0, a0, a1
1:
	.endr
	ld	ra, 0(sp)
	.irp	n, 0,1,2,3,4,5,6,7,8,9,10,11
	ld	s\n, 8 + 8 * \n(sp)
	.endr
	ld	gp, 104(sp)
	addi	sp, sp, 128
	ret
