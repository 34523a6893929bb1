// SPDX-License-Identifier: MIT
/*
 * sbi_harts.S - entry of a hart that sbi_harts.c restarts: the hart waits for its IPI, reports
 * whether it arrived, and stops. a1: address of two words. The first holds how long to wait at most
 * (in ticks) and gets sip.SSIP (2 or 0); then the second is set to 1. The code uses no stack and
 * must not trap.
 */
#include "hv/sbi.h"

	.globl	started_again
started_again:
	csrw	sie, zero
	ld	t0, 0(a1)
	rdtime	t1
	add	t0, t0, t1
1:	csrr	t2, sip
	andi	t2, t2, 2
	bnez	t2, 2f
	rdtime	t1
	bltu	t1, t0, 1b
2:	sd	t2, 0(a1)
	fence	rw, rw
	li	t0, 1
	sd	t0, 8(a1)
	csrci	sip, 2
3:	li	a6, SBI_HSM_HART_STOP
	li	a7, SBI_EXT_HSM
	ecall
	j	3b
