// SPDX-License-Identifier: MIT
/*
 * fast_exit.h - macros of switch_fast.S: call C during an exit, and return to the guest.
 */
#ifndef KVM_FAST_EXIT_H
#define KVM_FAST_EXIT_H

#include "hv/csr.h"
#include "asm.h"
#include "kvm_offsets.h"

	/*
	 * The beginning of an exit vector: make a0 point at the vCPU, and t0 the difference between
	 * scause and `cause`. The guest's t0 and t1 are saved, and its a0 is in sscratch.
	 */
	.macro	begin_exit cause
	csrrw	a0, sscratch, a0
	REG_S	x5, (GUEST_gpr + 5 * SZREG)(a0)
	REG_S	x6, (GUEST_gpr + 6 * SZREG)(a0)
	csrr	t0, scause
	addi	t0, t0, -\cause
	.endm

	/*
	 * Load or store the guest's registers that C preserves, if the register whose number is at
	 * bit `at` of the CSR `csr` is one of them. Changes t0 and t1.
	 */
	.macro	callee_saved insn, csr, at
	csrr	t0, \csr
	srli	t0, t0, \at
	.ifc	\csr, stval
	andi	t0, t0, 31	/* in htinst, the next bit is 0 for each access that a handler finishes */
	.endif
	li	t1, 1 << 8 | 1 << 9 | (1 << 28) - (1 << 18)
	srl	t1, t1, t0
	andi	t1, t1, 1
	beqz	t1, .Lnone\@
	.irp	n, 8, 9, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27
	\insn	x\n, (GUEST_gpr + \n * SZREG)(a0)
	.endr
.Lnone\@:
	.endm

	/*
	 * Step 4: back to the guest. sepc, SPP and SPV are as the trap left them, or as C changed
	 * them.
	 */
	.macro	return_to_guest csr, rd
	REG_L	t0, VCPU_exit_vector(a0)
	csrw	sscratch, a0
	csrw	stvec, t0
	.if	\rd
	callee_saved REG_L, \csr, \rd
	.endif
	.irp	n, 1, 2, 3, 4, 5, 6, 7, 11, 12, 13, 14, 15, 16, 17, 28, 29, 30, 31
	REG_L	x\n, (GUEST_gpr + \n * SZREG)(a0)
	.endr
	REG_L	a0, (GUEST_gpr + 10 * SZREG)(a0)
	sret
	.endm

	/*
	 * Steps 2 to 4, for one cause and its C handler. On entry, a0 points at the vCPU, the
	 * guest's t0 and t1 are saved, and the guest's a0 is in sscratch. data, rd: where `csr` has
	 * the number of a register that the handler reads, or changes; 0: it has none.
	 */
	.macro	fast_exit handler, csr=htinst, data=0, rd=0
	/* Step 2: save the guest's registers that C may use, and its sp, gp and tp. */
	.irp	n, 1, 2, 3, 4, 7, 11, 12, 13, 14, 15, 16, 17, 28, 29, 30, 31
	REG_S	x\n, (GUEST_gpr + \n * SZREG)(a0)
	.endr
	.if	\data
	callee_saved REG_S, \csr, \data
	.endif
	.if	\rd
	callee_saved REG_S, \csr, \rd
	.endif

	/*
	 * Step 3: the host state that C expects. The stack continues where vcpu_switch()'s caller
	 * left it.
	 */
	REG_L	sp, HOST_sp(a0)
	REG_L	gp, HOST_gp(a0)
	REG_L	tp, HOST_tp(a0)
	REG_L	t0, HOST_stvec(a0)
	REG_L	t1, HOST_sscratch(a0)
	csrw	stvec, t0
	csrrw	t1, sscratch, t1
	REG_S	t1, (GUEST_gpr + 10 * SZREG)(a0)
	static_key_goto trace_exit_key, counted_\handler
	call	\handler
	beqz	a1, declined
	static_key_goto trace_keys+KEY_sample, sample_\handler
	return_to_guest \csr, \rd

	/*
	 * Out of line: exits are accounted for (hv/trace.h), in the short variant. If the handler
	 * declines the exit, run.c begins the exit again.
	 */
counted_\handler:
	rdinstret t0
	static_key_goto trace_exit_full_key, full_\handler
	REG_S	t0, VCPU_exit_start(a0)
	call	\handler
	beqz	a1, declined
	rdinstret a2
	addi	a0, a0, VCPU_exit_clock
	call	trace_exit_end_fast
	addi	a0, a0, -VCPU_exit_clock
	return_to_guest \csr, \rd

	/* The long variant. */
full_\handler:
	csrr	a1, scause
	addi	a0, a0, VCPU_exit_clock
	call	trace_exit_begin_full
	addi	a0, a0, -VCPU_exit_clock
	call	\handler
	beqz	a1, declined
	rdinstret a2
	addi	a0, a0, VCPU_exit_clock
	call	trace_exit_end_fast_full
	addi	a0, a0, -VCPU_exit_clock
	static_key_goto trace_keys+KEY_sample, sample_\handler
	return_to_guest \csr, \rd

	/* A sample requested meanwhile belongs to the handler, not to the guest's next pc. */
sample_\handler:
	addi	sp, sp, -16
	REG_S	a0, 0(sp)
	li	a0, SAMPLE_HS_MODE
	la	a1, \handler
	call	hv_sample
	REG_L	a0, 0(sp)
	addi	sp, sp, 16
	return_to_guest \csr, \rd
	.endm

#endif
