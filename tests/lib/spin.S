/* SPDX-License-Identifier: MIT */
/*
 * spin.S - the speed probe's fixed amount of work: it runs without firmware on one hart, and then
 * powers off.
 */
	.globl	_start
_start:
	csrr	t0, mhartid
	bnez	t0, 2f
	li	t0, 200000000
1:	addi	t0, t0, -1
	bnez	t0, 1b
	li	t0, 0x100000		/* QEMU's test finisher */
	li	t1, 0x5555
	sw	t1, 0(t0)
2:	j	2b
