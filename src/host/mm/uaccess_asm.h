/* SPDX-License-Identifier: MIT */
/*
 * uaccess_asm.h - macros for accesses to user memory that may fault (uaccess.S, uaccess_copy.S).
 *
 * sstatus.SUM is 1 only between SUM_ON and SUM_OFF; t6 holds its bit meanwhile. Each access
 * has an entry in __ex_table: {address of the access, address to continue at} as two
 * unsigned longs. trap.c uses it if mm_fault() cannot make the page usable.
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

