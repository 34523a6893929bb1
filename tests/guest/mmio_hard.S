// SPDX-License-Identifier: MIT
/*
 * mmio_hard.S - accesses to a device that C cannot express, and code that tests copy.
 */
	/*
	 * void f(addr): an FP load from addr, or an FP store to it. The caller sets sstatus.FS and
	 * catches the trap.
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
