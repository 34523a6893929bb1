// SPDX-License-Identifier: MIT
/*
 * fp.S - save f0 to f31 and fcsr to memory, and restore them.
 *
 *   fp_save_regs(struct fp_state *)      fp_restore_regs(const struct fp_state *)
 *   fp_save_fcsr(struct fp_state *)
 *
 * The kernel has no FP code of its own, so sstatus.FS is Off when these functions are called. They
 * switch FS on, and restore the old FS before they return. fp.c maintains guest.sstatus.FS, which
 * is in effect while the guest runs. Struct fp_state begins with f[0] to f[31], 8 bytes each.
 */
#include "asm.h"
#include "kvm_offsets.h"

#define FS_MASK 0x6000

	.option	arch, +d
	.text

	.global	fp_save_regs
	.type	fp_save_regs, @function
fp_save_regs:
	/* lab 8: write fp_save_regs: store f0 to f31 and fcsr to memory */
	li	t0, FS_MASK
	csrrs	t1, sstatus, t0
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	fsd	f\n, (\n * 8)(a0)
	.endr
	.irp	n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	fsd	f\n, (\n * 8)(a0)
	.endr
	csrr	t2, fcsr
	sw	t2, FP_fcsr(a0)
	csrw	sstatus, t1
	ret
	/* lab 8 end */

	.global	fp_save_fcsr
	.type	fp_save_fcsr, @function
fp_save_fcsr:
	/* lab 8: write fp_save_fcsr: store fcsr to memory */
	li	t0, FS_MASK
	csrrs	t1, sstatus, t0
	csrr	t2, fcsr
	sw	t2, FP_fcsr(a0)
	csrw	sstatus, t1
	ret
	/* lab 8 end */

	.global	fp_restore_regs
	.type	fp_restore_regs, @function
fp_restore_regs:
	/* lab 8: write fp_restore_regs: load f0 to f31 and fcsr from memory */
	li	t0, FS_MASK
	csrrs	t1, sstatus, t0
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	fld	f\n, (\n * 8)(a0)
	.endr
	.irp	n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	fld	f\n, (\n * 8)(a0)
	.endr
	lw	t2, FP_fcsr(a0)
	csrw	fcsr, t2
	csrw	sstatus, t1
	ret
	/* lab 8 end */
