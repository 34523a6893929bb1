// SPDX-License-Identifier: MIT
/*
 * handlers.S - trap handlers of measured operations, in as few instructions as possible. Each returns
 * to the operation of bench.S that has trapped.
 */
	.text
	.option	norvc

	/* Trap handler while traps are measured: 4 instructions and no memory access. */
	.globl	bench_skip
	.balign	4
bench_skip:
	csrr	t2, sepc
	addi	t2, t2, 4
	csrw	sepc, t2
	sret

	/* Handler for op_irq_inject's interrupt: lower its line. */
	.globl	bench_lower
	.balign	4
bench_lower:
	sb	zero, 1(a2)
	sret

	/* The same with an AIA, whose message has to be claimed (a write to stopei). */
	.globl	bench_lower_msi
	.balign	4
bench_lower_msi:
	sb	zero, 1(a2)
	csrw	0x15c, zero
	sret

	/* Handler for op_msi_self's interrupt: claim it. */
	.globl	bench_claim
	.balign	4
bench_claim:
	csrw	0x15c, zero
	sret
