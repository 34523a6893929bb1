// SPDX-License-Identifier: MIT
/*
 * lab02.S - operations that cause an exit, with a pattern in every register
 *
 * void lab_ecall(ext, fid), lab_load(address), lab_store(address), lab_spin(rounds): perform one
 * operation, and then store x1 to x31 in lab_after[]. The pattern of xn is lab_pattern + n; lab02.c
 * names the registers that the operation itself uses. Interrupts are off, so sscratch is free.
 */
#include "regs_asm.h"

#define PATTERN 0x0123456789abcd00

	.globl	lab_pattern
	.section .rodata
	.balign	8
lab_pattern:
	.dword	PATTERN
	.bss
	.balign	8
	.globl	lab_after
lab_after:
	.space	8 * 32
frame:
	.space	8 * 16

	.text
	.option	norvc
	.macro	patterns list:vararg
	.irp	n, \list
	li	x\n, PATTERN + \n
	.endr
	.endm

	/* Save the caller's registers. x10 and x11 still have the arguments. */
	.macro	begin
	callers_to frame
	.endm

	/*
	 * Save x1 to x31 in lab_after (x31 through sscratch), restore the caller's registers, and
	 * return.
	 */
	.macro	end
	csrw	sscratch, x31
	la	x31, lab_after
	.irp	n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30
	sd	x\n, 8 * \n(x31)
	.endr
	csrr	x30, sscratch
	sd	x30, 8 * 31(x31)
	callers_from frame
	csrw	sscratch, tp
	ret
	.endm

	.globl	lab_ecall
lab_ecall:
	begin
	mv	x17, x10
	mv	x16, x11
	patterns 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	ecall
	end

	.globl	lab_load
lab_load:
	begin
	patterns 1,2,3,4,5,6,7,8,9,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	lbu	x7, 0(x10)
	end

	.globl	lab_store
lab_store:
	begin
	patterns 1,2,3,4,5,6,7,8,9,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	sd	x7, 0(x10)
	end

	.globl	lab_spin
lab_spin:
	begin
	patterns 1,2,3,4,5,6,7,8,9,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
1:	addi	x10, x10, -1
	bnez	x10, 1b
	end
