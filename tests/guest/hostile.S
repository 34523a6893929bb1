// SPDX-License-Identifier: MIT
/*
 * hostile.S - void hostile_go(regs, code): load x2 to x31 from regs, set ra to code, and jump
 * there. It does not return: the caller catches the trap that ends the code.
 */
	.globl	hostile_go
hostile_go:
	mv	ra, a1
	mv	t6, a0
	.irp	n, 2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	ld	x\n, 8 * \n(t6)
	.endr
	jr	ra
