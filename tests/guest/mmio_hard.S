// SPDX-License-Identifier: MIT
/*
 * mmio_hard.S - accesses to a device that C cannot express, and code that tests copy.
 */
	/*
	 * FP loads from addr and stores to addr. The caller catches their traps, and sets
	 * sstatus.FS. void f(addr).
	 */
	.macro	fp_form name, insn
	.globl	\name
\name:
	.option	push
	.option	arch, +d
	\insn
	.option	pop
	ret
	.endm

	fp_form	mmio_flw, "flw fa0, 0(a0)"
	fp_form	mmio_fld, "fld fa0, 0(a0)"
	fp_form	mmio_fsw, "fsw fa0, 0(a0)"
	fp_form	mmio_fsd, "fsd fa0, 0(a0)"
	fp_form	mmio_c_fld, "c.fld fa0, 0(a0)"

	/* Position-independent code that tests copy elsewhere: unsigned long f(addr). */
	.globl	mmio_body, mmio_body_end
	.balign	4
mmio_body:
	.option	push
	.option	norvc
	lw	a0, 0(a0)
	ret
	.option	pop
mmio_body_end:
