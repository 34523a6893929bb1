// SPDX-License-Identifier: MIT
/*
 * switch_fast.S - exits that C code may handle without a full world switch (toggle fastpath=on).
 *
 *   vcpu_exit_fast            stvec while the guest runs, instead of vcpu_exit_vector (switch.S)
 *
 * For the causes that fastpath.c handles, C is called without saving the guest's s0 to s11,
 * because C preserves them, unless one of them is the data register of a load or store. An exit
 * that fastpath.c declines, and an exit with any other cause, continues in switch.S.
 *
 * sstatus, hstatus and sepc keep the guest's values while C runs. The fast path does nothing that
 * these could affect: it does not access user memory (SUM and MXR are those of guest.sstatus, 0) or
 * execute HLV (SPVP); sepc is where sret needs it. A trap of the host itself would be a bug, and it
 * is reported as one, because stvec and sscratch are the host's. (In the Linux module, the
 * host's functions may trap, and keep these CSRs: hv/host.h.)
 *
 * Unlike switch.S, this file needs no SC to drop the load reservation on the way back. The guest
 * that continues is the one that trapped, and no other context has run in between. If a mapping was
 * changed meanwhile, an interrupt was sent to this hart, and the exit that the interrupt causes
 * goes through switch.S. The C code of the fast path does not store anything to guest memory. Its
 * own reservations (compare-and-swap) are on words of the core, in pages that are not mapped into
 * any guest; profiles limit a reservation to 64 or 128 bytes around the word (Za64rs, Za128rs).
 */
#include "hv/csr.h"
#include "asm.h"
#include "kvm_offsets.h"

	.option	arch, +h
	.text

	/*
	 * Load or store the guest's registers that C preserves, if the data register of the access
	 * in htinst, whose number is at bit `at`, is one of them. Changes t0 and t1.
	 */
	.macro	callee_saved insn, at
	csrr	t0, htinst
	srli	t0, t0, \at
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
	.macro	return_to_guest rd
	REG_L	t0, VCPU_exit_vector(a0)
	csrw	sscratch, a0
	csrw	stvec, t0
	.if	\rd
	callee_saved REG_L, \rd
	.endif
	.irp	n, 1, 2, 3, 4, 5, 6, 7, 11, 12, 13, 14, 15, 16, 17, 28, 29, 30, 31
	REG_L	x\n, (GUEST_gpr + \n * SZREG)(a0)
	.endr
	REG_L	a0, (GUEST_gpr + 10 * SZREG)(a0)
	sret
	.endm

	/*
	 * Steps 2 to 4, for one cause and its C handler. On entry, a0 points at the vCPU, the
	 * guest's t0 and t1 are saved, and the guest's a0 is in sscratch. data: where htinst has
	 * the number of a register that the handler reads or, with rd, changes; 0: it has none.
	 */
	.macro	fast_exit handler, data=0, rd=0
	/* Step 2: save the guest's registers that C may use, and its sp, gp and tp. */
	.irp	n, 1, 2, 3, 4, 7, 11, 12, 13, 14, 15, 16, 17, 28, 29, 30, 31
	REG_S	x\n, (GUEST_gpr + \n * SZREG)(a0)
	.endr
	.if	\data
	callee_saved REG_S, \data
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
	return_to_guest \rd

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
	return_to_guest \rd

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
	return_to_guest \rd

	/* A sample requested meanwhile belongs to the handler, not to the guest's next pc. */
sample_\handler:
	addi	sp, sp, -16
	REG_S	a0, 0(sp)
	li	a0, SAMPLE_HS_MODE
	la	a1, \handler
	call	hv_sample
	REG_L	a0, 0(sp)
	addi	sp, sp, 16
	return_to_guest \rd
	.endm

	.global	vcpu_exit_fast
	.type	vcpu_exit_fast, @function
	.balign	4
vcpu_exit_fast:
	/* Step 1: is this a cause with a fast path? Two free registers are enough to check. */
	csrrw	a0, sscratch, a0
	REG_S	x5, (GUEST_gpr + 5 * SZREG)(a0)
	REG_S	x6, (GUEST_gpr + 6 * SZREG)(a0)
	csrr	t0, scause
	addi	t0, t0, -EXC_ECALL_VS
	beqz	t0, ecall
	addi	t0, t0, EXC_ECALL_VS - EXC_VIRTUAL_INST
	bnez	t0, other
	/* The handler takes only WFI: most other instructions differ from it in their upper bits. */
	csrr	t0, stval
	srli	t0, t0, 20
	addi	t0, t0, -WFI_FUNCT12
	bnez	t0, vcpu_exit_save_caller
	fast_exit vcpu_fast_virtual_inst
ecall:
	fast_exit vcpu_fast_sbi

	/*
	 * An access to a word that the vCPU has remembered (device_words)? htval is 0 unless the
	 * cause is a guest page fault (H §2.8), and word 0 is never remembered.
	 */
other:
	csrr	t0, htval
	srli	t1, t0, DEVICE_WORD_SHIFT
	andi	t1, t1, DEVICE_WORD_MASK
	add	t1, t1, a0
	REG_L	t1, VCPU_device_words(t1)
	bne	t0, t1, vcpu_exit_save_caller
	csrr	t0, scause
	addi	t0, t0, -EXC_LOAD_GUEST_PAGE_FAULT
	beqz	t0, load
	fast_exit vcpu_fast_store, data=20
load:
	fast_exit vcpu_fast_load, data=7, rd=7

	/*
	 * C has declined the exit and has not changed anything, or has finished it and stored the
	 * cause of an interrupt in scause (interrupt()). switch.S expects the guest's a0 in sscratch.
	 */
declined:
	REG_L	t0, (GUEST_gpr + 10 * SZREG)(a0)
	csrw	sscratch, t0
	j	vcpu_exit_save_callee
