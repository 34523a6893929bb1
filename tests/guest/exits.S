// SPDX-License-Identifier: MIT
/*
 * exits.S - unsigned long exits_regs_loop(end): fill all registers except sp, tp
 * and two working registers with patterns, and compare them until rdtime passes
 * end. Returns the number of the first register that changed, or 0.
 */
	.globl	exits_regs_loop
exits_regs_loop:
	addi	sp, sp, -128
	sd	ra, 0(sp)
	sd	gp, 8(sp)
	.irp	n, 0,1,2,3,4,5,6,7,8,9,10,11
	sd	s\n, 16 + 8 * \n(sp)
	.endr
	sd	a0, 112(sp)
	.irp	n, 1,3,5,6,7,8,9,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	li	x\n, 0x1234000000000000 + \n
	.endr
2:	.irp	n, 1,3,5,6,7,8,9,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	li	a0, \n
	li	a1, 0x1234000000000000 + \n
	bne	a1, x\n, 3f
	.endr
	rdtime	a0
	ld	a1, 112(sp)
	bltu	a0, a1, 2b
	li	a0, 0
3:	ld	ra, 0(sp)
	ld	gp, 8(sp)
	.irp	n, 0,1,2,3,4,5,6,7,8,9,10,11
	ld	s\n, 16 + 8 * \n(sp)
	.endr
	addi	sp, sp, 128
	ret
