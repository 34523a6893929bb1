// SPDX-License-Identifier: MIT
/*
 * mmio.S - loads from and stores to a device through every register, and through the
 * compressed forms that use the stack pointer.
 *
 * mmio_load_regs() and mmio_store_regs() overwrite every register, so they keep the C caller's
 * registers in memory, at pc-relative addresses.
 */
#include "regs_asm.h"

	.bss
	.balign	8
saved:	.space	8 * 16
arguments:
	.space	8 * 2

	.text
	/* void mmio_load_regs(addr, out): ld xN, 8N(addr) for N = 1..31, results to out[N]. */
	.globl	mmio_load_regs
mmio_load_regs:
	callers_to saved
	mv	t5, a0
	mv	t6, a1
	.option	push
	.option	norvc
	.irp	n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
	ld	x\n, 8 * \n(t5)
	sd	x\n, 8 * \n(t6)
	.endr
	mv	a0, t5
	mv	a1, t6
	.irp	n, 16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	ld	x\n, 8 * \n(a0)
	sd	x\n, 8 * \n(a1)
	.endr
	.option	pop
	callers_from saved
	ret

	/* void mmio_store_regs(addr): sd xN, 8N(addr), xN = 0x4000 + N; x0 to 0(addr). */
	.globl	mmio_store_regs
mmio_store_regs:
	callers_to saved
	mv	t6, a0
	.option	push
	.option	norvc
	sd	zero, 0(t6)
	.irp	n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15
	li	x\n, 0x4000 + \n
	sd	x\n, 8 * \n(t6)
	.endr
	mv	a0, t6
	.irp	n, 16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	li	x\n, 0x4000 + \n
	sd	x\n, 8 * \n(a0)
	.endr
	.option	pop
	callers_from saved
	ret

	/*
	 * void mmio_word_regs(addr, out): first, xN = 0x5a80000000 + 2N for N = 1..30. Then, for
	 * each of them, sw xN, 0(addr) and lw xN, 0(addr). Then xN to out[N]. Then the same for x31.
	 */
	.globl	mmio_word_regs
mmio_word_regs:
	callers_to saved
	la	t0, arguments
	sd	a0, 0(t0)
	sd	a1, 8(t0)
	mv	t6, a0
	.option	push
	.option	norvc
	.irp	n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30
	li	x\n, 0x5a80000000 + 2 * \n
	.endr
	.irp	n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30
	sw	x\n, 0(t6)
	lw	x\n, 0(t6)
	.endr
	la	t6, arguments
	ld	t6, 8(t6)
	.irp	n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30
	sd	x\n, 8 * \n(t6)
	.endr
	mv	a1, t6
	la	a0, arguments
	ld	a0, 0(a0)
	li	t6, 0x5a80000000 + 2 * 31
	sw	t6, 0(a0)
	lw	t6, 0(a0)
	sd	t6, 8 * 31(a1)
	.option	pop
	callers_from saved
	ret

	/* c.lwsp, c.ldsp, c.swsp, c.sdsp at 8(sp), with sp = addr: unsigned long f(addr, value). */
	.macro	sp_form name, insn
	.globl	\name
\name:
	mv	t1, sp
	mv	sp, a0
	.option	push
	.option	rvc
	\insn
	.option	pop
	mv	sp, t1
	mv	a0, a1
	ret
	.endm

	sp_form	mmio_c_lwsp, "c.lwsp a1, 8(sp)"
	sp_form	mmio_c_ldsp, "c.ldsp a1, 8(sp)"
	sp_form	mmio_c_swsp, "c.swsp a1, 8(sp)"
	sp_form	mmio_c_sdsp, "c.sdsp a1, 8(sp)"
