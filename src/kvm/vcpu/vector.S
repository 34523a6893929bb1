// SPDX-License-Identifier: MIT
/*
 * vector.S - save v0 to v31 and the vector CSRs to memory, and restore them.
 *
 *   vector_save_regs(struct vector_state *)      vector_restore_regs(const struct vector_state *)
 *   vector_save_csrs(struct vector_state *)
 *
 * These functions return with sstatus.VS as it was on entry; vector.c keeps the guest's value of
 * the field. The registers are moved as bytes, eight registers at a time, whatever VLEN is: vsetvli
 * returns the size of eight registers (V §6.2). It also clears vstart, so vstart is read before the
 * vsetvli and written after it.
 */
#include "asm.h"
#include "kvm_offsets.h"

#define VS_MASK 0x600

	.option	arch, +v
	.text

	.macro	save_csrs
	csrr	t2, vstart
	csrr	t3, vl
	csrr	t4, vtype
	csrr	t5, vcsr
	REG_S	t2, VECTOR_vstart(a0)
	REG_S	t3, VECTOR_vl(a0)
	REG_S	t4, VECTOR_vtype(a0)
	REG_S	t5, VECTOR_vcsr(a0)
	.endm

	.global	vector_save_csrs
	.type	vector_save_csrs, @function
vector_save_csrs:
	li	t0, VS_MASK
	csrrs	t1, sstatus, t0
	save_csrs
	csrw	sstatus, t1
	ret

	.global	vector_save_regs
	.type	vector_save_regs, @function
vector_save_regs:
	li	t0, VS_MASK
	csrrs	t1, sstatus, t0
	save_csrs
	REG_L	t6, VECTOR_regs(a0)
	vsetvli	t5, zero, e8, m8, ta, ma
	.irp	n, 0, 8, 16, 24
	vse8.v	v\n, (t6)
	add	t6, t6, t5
	.endr
	/* Leave the unit as it was: lazy_trap may reuse it. */
	vsetvl	zero, t3, t4
	csrw	vstart, t2
	csrw	sstatus, t1
	ret

	.global	vector_restore_regs
	.type	vector_restore_regs, @function
vector_restore_regs:
	li	t0, VS_MASK
	csrrs	t1, sstatus, t0
	REG_L	t3, VECTOR_regs(a0)
	vsetvli	t2, zero, e8, m8, ta, ma
	.irp	n, 0, 8, 16, 24
	vle8.v	v\n, (t3)
	add	t3, t3, t2
	.endr
	/* If this hart does not support the vtype, vsetvl sets vill, with vl = 0. */
	REG_L	t2, VECTOR_vl(a0)
	REG_L	t3, VECTOR_vtype(a0)
	vsetvl	zero, t2, t3
	REG_L	t2, VECTOR_vcsr(a0)
	REG_L	t3, VECTOR_vstart(a0)
	csrw	vcsr, t2
	csrw	vstart, t3
	csrw	sstatus, t1
	ret
