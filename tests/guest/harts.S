// SPDX-License-Identifier: MIT
/*
 * harts.S - entry of a hart that harts.c restarts. It sets up a stack but neither tp nor stvec, so
 * nothing that runs on this hart may trap.
 */
	.globl	harts_restart
harts_restart:
	csrw	sie, zero
	la	sp, harts_restart_top
	ld	sp, 0(sp)
	call	harts_restarted
1:	wfi
	j	1b
