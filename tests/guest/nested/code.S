// SPDX-License-Identifier: MIT
/* code.S - what the payload's guest executes, and hypervisor accesses as functions. */
#include "guest_code.h"
#include "nested.h"

	.option	arch, +h
	.text

guest_code l2_ecall
	ecall

guest_code l2_move			/* each register + 1 */
	.irp	n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	addi	x\n, x\n, 1
	.endr
	ecall

guest_code l2_write_csrs		/* a0 to a5 */
	csrw	stvec, a0
	csrw	sscratch, a1
	csrw	sepc, a2
	csrw	scause, a3
	csrw	stval, a4
	csrw	sie, a5
	csrr	a6, sstatus
	ecall

guest_code l2_hstatus
	csrr	a0, hstatus
	ecall
guest_code l2_vsstatus
	csrr	a0, vsstatus
	ecall
guest_code l2_sfence
	sfence.vma
	ecall
guest_code l2_satp
	csrr	a0, satp
	ecall
guest_code l2_stimecmp
	csrr	a0, 0x14d
	ecall
guest_code l2_sret
	sret
guest_code l2_wfi
	wfi
	ecall
guest_code l2_hfence
	hfence.gvma
	ecall
guest_code l2_hlv
	hlv.w	a0, (a0)
	ecall
guest_code l2_ebreak
	.option	push
	.option	norvc
	ebreak
	.option	pop
	ecall
guest_code l2_illegal
	.word	0xffffffff
	ecall
guest_code l2_time
	rdtime	a0
	ecall
guest_code l2_load
	ld	a0, (a0)
	ecall
guest_code l2_load_byte
	lbu	a0, (a0)
	ecall
guest_code l2_store
	sd	a1, (a0)
	ecall
guest_code l2_spin			/* for at most a0 iterations */
	addi	a0, a0, -1
	bnez	a0, l2_spin
	ecall

guest_code l2_poll_time			/* likewise, reading the clock in each */
	rdtime	a1
	addi	a0, a0, -1
	bnez	a0, l2_poll_time
	ecall

	/* Enable interrupts, and wait in a loop of at most a0 iterations for one of them. */
guest_code l2_interrupts		/* a1: sie; a2: stimecmp, unless it is 0 */
	la	t0, l2_trapped
	csrw	stvec, t0
	csrw	sie, a1
	beqz	a2, 1f
	csrw	0x14d, a2
1:	csrsi	sstatus, 2
	j	l2_spin

	/* The guest's own trap handler: report scause, sepc, stval and sstatus in a1 to a4. */
	.balign	4
	.globl	l2_trapped
l2_trapped:
	csrr	a1, scause
	csrr	a2, sepc
	csrr	a3, stval
	csrr	a4, sstatus
	li	a0, L2_TRAPPED
	ecall

	/* Set a vector, go to U mode at a1. */
guest_code l2_user
	la	t0, l2_trapped
	csrw	stvec, t0
	li	t0, 1 << 8
	csrc	sstatus, t0
	csrw	sepc, a1
	sret

	.option	arch, +d
guest_code l2_fp
	fmv.d.x	f5, a0
	fadd.d	f5, f5, f5
	fmv.x.d	a0, f5
	ecall

guest_code l2_fp_clean			/* as l2_fp, but then set FS to Clean */
	fmv.d.x	f5, a0
	fadd.d	f5, f5, f5
	li	t0, 1 << 13
	csrc	sstatus, t0
	ecall

	.option	arch, +v
guest_code l2_vector			/* write v1, then count down a0: the host may take the unit */
	vsetivli zero, 2, e64, m1, ta, ma
	vmv.v.x	v1, a1
1:	addi	a0, a0, -1
	bnez	a0, 1b
	ecall

	.globl	l1_v1
l1_v1:
	vsetivli zero, 2, e64, m1, ta, ma
	vmv.x.s	a0, v1
	ret
	.option	arch, -v

	.globl	l1_f5
l1_f5:
	fmv.x.d	a0, f5
	ret
	.option	arch, -d

	/* HLV and HSV: unsigned long NAME(address, value). */
	.macro	hyper name, insn, data=a0
	.globl	\name
\name:
	\insn	\data, (a0)
	ret
	.endm
	hyper	do_hlv_b, hlv.b
	hyper	do_hlv_bu, hlv.bu
	hyper	do_hlv_h, hlv.h
	hyper	do_hlv_hu, hlv.hu
	hyper	do_hlv_w, hlv.w
	hyper	do_hlv_wu, hlv.wu
	hyper	do_hlv_d, hlv.d
	hyper	do_hlvx_hu, hlvx.hu
	hyper	do_hlvx_wu, hlvx.wu
	hyper	do_hsv_b, hsv.b, a1
	hyper	do_hsv_h, hsv.h, a1
	hyper	do_hsv_w, hsv.w, a1
	hyper	do_hsv_d, hsv.d, a1

	.globl	do_hfence_gvma
do_hfence_gvma:
	hfence.gvma a0
	ret

	.globl	do_hfence_gvma_vmid
do_hfence_gvma_vmid:
	hfence.gvma a0, a1
	ret

	.globl	do_hfence
do_hfence:
	hfence.vvma
	hfence.gvma
	ret
