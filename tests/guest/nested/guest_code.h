// SPDX-License-Identifier: MIT
/*
 * guest_code.h - begin a piece of the guest's code, for code.S and aia_code.S. Each piece ends with an
 * ecall; its arguments and results are in registers.
 */
#ifndef TESTS_GUEST_CODE_H
#define TESTS_GUEST_CODE_H

	.macro	guest_code name
	.globl	\name
	.balign	4
\name:
	.endm

#endif
