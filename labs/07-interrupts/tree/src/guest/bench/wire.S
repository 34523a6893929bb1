// SPDX-License-Identifier: MIT
/*
 * wire.S - op_NAME(n, arg): store n times to arg, a register of the wire device (--wire) that
 * raises the line
 *
 * bench_wire_lower, the handler, lowers the line. The three functions are identical; each has its
 * own name so that scripts/hyperscope anatomy can distinguish them.
 */
	.option	norvc
	.macro	op_wire name
	.globl	op_\name
	.balign	4
op_\name:
	li	a4, -0x1000	/* for the handler: the address of LOWER, in arg's page */
	and	a4, a4, a1
	addi	a4, a4, 0x400
1:	sw	zero, 0(a1)
	addi	a0, a0, -1
	bnez	a0, 1b
	ret
	.endm
	op_wire	irq_ioctl
	op_wire	irq_write
	op_wire	irq_event

	.globl	bench_wire_lower
	.balign	4
bench_wire_lower:
	sw	zero, 0(a4)
	sret
