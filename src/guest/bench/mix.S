// SPDX-License-Identifier: MIT
/*
 * mix.S - void op_mix(n, mix): call mix_turn(mix) (mix.c) n times, in a loop that tools can find.
 */
	.option	norvc
	.globl	op_mix
	.balign	4
op_mix:
	addi	sp, sp, -32
	sd	ra, 0(sp)
	sd	s0, 8(sp)
	sd	s1, 16(sp)
	mv	s0, a0
	mv	s1, a1
1:	mv	a0, s1
	call	mix_turn
	addi	s0, s0, -1
	bnez	s0, 1b
	ld	ra, 0(sp)
	ld	s0, 8(sp)
	ld	s1, 16(sp)
	addi	sp, sp, 32
	ret
