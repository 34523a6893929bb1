/* SPDX-License-Identifier: MIT */
/*
 * uaccess_asm.h - macros for accesses to user memory that may fault (uaccess.S, uaccess_copy.S).
 *
 * sstatus.SUM is 1 only between SUM_ON and SUM_OFF; meanwhile, t6 holds the mask of that bit. Each
 * access has an entry in __ex_table: two unsigned longs, the address of the access and the address
 * to continue at. trap.c uses the entry if mm_fault() cannot make the page usable.
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

