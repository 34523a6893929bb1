// SPDX-License-Identifier: MIT
/*
 * switch_fast.S - exits that C code may handle without a full world switch (toggle fastpath=on).
 *
 *   vcpu_exit_fast            stvec while the guest runs, instead of vcpu_exit_vector (switch.S)
 *   vcpu_exit_nested          the same for a guest hypervisor (L1); while L2 runs, stvec is
 *                             vcpu_exit_vector (nested.c)
 *
 * For the causes that fastpath.c handles, C is called without saving the guest's s0 to s11,
 * because C preserves them, unless one of them is the data register of a load or store, or rd or rs1
 * of a CSR instruction. An exit that fastpath.c declines, and an exit with any other cause, continues
 * in switch.S.
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
#include "exit/fast_exit.h"

	.option	arch, +h
	.text

	.global	vcpu_exit_fast
	.type	vcpu_exit_fast, @function
	.balign	4
vcpu_exit_fast:
	/* Step 1: is this a cause with a fast path? Two free registers are enough to check. */
	begin_exit EXC_ECALL_VS
.Lcause:	/* t0 is scause - EXC_ECALL_VS */
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
	fast_exit vcpu_fast_load, rd=7

	/* The special exits of a guest hypervisor (nested.on, SPECIAL_NESTED) permit only CSR accesses. */
	.global	vcpu_exit_nested
	.type	vcpu_exit_nested, @function
	.balign	4
vcpu_exit_nested:
	/*
	 * Step 1: is this a CSR instruction? Others have 0 or 4 in these bits of funct3, except
	 * cache-block operations, which C declines.
	 */
	begin_exit EXC_VIRTUAL_INST
	bnez	t0, not_csr
	csrr	t0, stval
	srli	t1, t0, INSN_FUNCT3_SHIFT
	andi	t1, t1, 3
	bnez	t1, csr
	/* WFI can take the fast path, like other causes; sret, HLV, HSV and fences cannot. */
	srli	t0, t0, 20
	addi	t0, t0, -WFI_FUNCT12
	bnez	t0, vcpu_exit_save_caller
not_csr:	/* for WFI, t0 is 0, as for every virtual instruction */
	addi	t0, t0, EXC_VIRTUAL_INST - EXC_ECALL_VS
	lbu	t1, VCPU_special(a0)
	andi	t1, t1, SPECIAL_NESTED
	bnez	t1, vcpu_exit_save_caller
	j	.Lcause
csr:
	fast_exit vcpu_fast_csr, csr=stval, data=15, rd=7

	/*
	 * C has declined the exit and has not changed anything, or has finished it and stored the
	 * cause of an interrupt in scause (interrupt()). switch.S expects the guest's a0 in sscratch.
	 */
declined:
	REG_L	t0, (GUEST_gpr + 10 * SZREG)(a0)
	csrw	sscratch, t0
	j	vcpu_exit_save_callee
