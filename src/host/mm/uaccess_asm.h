/* SPDX-License-Identifier: MIT */
/*
 * uaccess_asm.h - for uaccess.S and uaccess_copy.S: an access to user memory that may fault.
 *
 * sstatus.SUM is 1 only between SUM_ON and SUM_OFF; t6 holds its bit meanwhile. Each access
 * has an entry in __ex_table: {address of the access, address to go on at} as two
 * unsigned longs, which trap.c uses when mm_fault() could not make the page usable.
 */
#include "hv/csr.h"

#define EFAULT 14

	.macro	SUM_ON
	li	t6, SSTATUS_SUM
	csrs	sstatus, t6
	.endm

	.macro	SUM_OFF
	csrc	sstatus, t6
	.endm

	.macro	user insn:vararg
100:	\insn
	.pushsection __ex_table, "a"
	.balign	8
	.quad	100b, user_fault
	.popsection
	.endm

