// SPDX-License-Identifier: MIT
/*
 * bench.S - measured operations: void op_NAME(n, arg) executes one operation n times, in as few
 * instructions as possible. The loop itself takes two instructions (in `touch`, three); arguments
 * that a call overwrites are loaded again each time.
 */
#include "hv/sbi.h"

	/* `op NAME, SETUP` begins a loop, which may use a0, a1, a6, a7, t0. a2: argument, a3: counter */
	.macro	op name:req, setup:vararg
	.globl	op_\name
	.balign	4
op_\name:
	mv	a3, a0
	mv	a2, a1
	\setup
1:
	.endm
	/* A loop of SBI calls. Each call sets a6, as in a C program, so this is part of the operation. */
	.macro	sbi name:req, extension:req, function:req
	op	\name, li a7, \extension
	li	a6, \function
	.endm
	.macro	endop
	addi	a3, a3, -1
	bnez	a3, 1b
	ret
	.endm

	.option	norvc

	op	nothing
	endop

	sbi	sbi_version, SBI_EXT_BASE, SBI_BASE_GET_SPEC_VERSION
	ecall
	endop

	sbi	sbi_probe, SBI_EXT_BASE, SBI_BASE_PROBE_EXTENSION
	mv	a0, a2
	ecall
	endop

	sbi	sbi_set_timer, SBI_EXT_TIME, SBI_TIME_SET_TIMER
	li	a0, -1
	ecall
	endop

	/* Send an IPI to this hart (arg = its id), and clear the interrupt each time. */
	sbi	sbi_ipi_self, SBI_EXT_IPI, SBI_IPI_SEND_IPI
	li	a0, 1
	mv	a1, a2
	ecall
	csrci	sip, 2
	endop

	sbi	sbi_fence_i_self, SBI_EXT_RFENCE, SBI_RFENCE_REMOTE_FENCE_I
	li	a0, 1
	mv	a1, a2
	ecall
	endop

	/* An SBI sfence.vma on hart `arg`: `size` bytes from address 0; -1 means all addresses. */
	.macro	sfence name, size
	.globl	op_\name
op_\name:
	mv	a4, a0
	mv	a5, a1
	li	a7, SBI_EXT_RFENCE
	li	a6, SBI_RFENCE_REMOTE_SFENCE_VMA
	li	a2, 0
	li	a3, \size
1:	li	a0, 1
	mv	a1, a5
	ecall
	addi	a4, a4, -1
	bnez	a4, 1b
	ret
	.endm
	sfence	sbi_sfence_all, -1
	sfence	sbi_sfence_page, 4096

	/* A call to an extension that the hypervisor forwards to user space. */
	sbi	sbi_user, SBI_EXT_EXPERIMENTAL_START, 0
	ecall
	endop

	/* Write an FP register (FS Dirty) before sbi_user's call, alone, or before an MMIO read. */
	.option	push
	.option	arch, +d
	sbi	sbi_user_fp, SBI_EXT_EXPERIMENTAL_START, 0
	fmv.d.x	f0, zero
	ecall
	endop

	op	fp
	fmv.d.x	f0, zero
	endop

	op	mmio_read_fp
	fmv.d.x	f0, zero
	lw	t0, 0(a2)
	endop
	.option	pop

	op	mmio_read
	lw	t0, 0(a2)
	endop

	op	mmio_write
	sw	zero, 0(a2)
	endop

	/* arg = a claim register: claim the interrupt, and complete it. */
	op	plic_eoi
	lw	t0, 0(a2)
	sw	t0, 0(a2)
	endop

	/* arg = an APLIC's setipnum: claim the message in stopei, and complete its source. */
	op	aplic_eoi
	csrrw	t0, 0x15c, zero
	srli	t0, t0, 16
	sw	t0, 0(a2)
	endop

	/* arg = the UART: raise its interrupt; bench_lower or bench_lower_msi handles it. */
	op	irq_inject
	li	t0, 2
	sb	t0, 1(a2)
	endop

	/* arg = the hart's IMSIC page: an MSI to itself; bench_claim handles it. */
	op	msi_self, li t0, 1
	sw	t0, 0(a2)
	endop

	op	wfi
	wfi
	endop

	op	csr_stimecmp, li t0, -1
	csrw	0x14d, t0
	endop

	op	csr_instret
	csrr	t0, instret
	endop

	op	csr_time
	csrr	t0, time
	endop

	/* Instructions whose traps the guest handles itself: bench_skip steps over them. */
	op	virtual_insn
	csrr	t0, 0x600
	endop

	op	illegal_insn
	.word	0xffffffff
	endop

	op	ebreak
	ebreak
	endop

	/* One access to each page. arg = the first page; a1 advances by the page's size. */
	.macro	touch name, insn, size
	.globl	op_\name
op_\name:
	li	t1, \size
1:	\insn	t0, 0(a1)
	add	a1, a1, t1
	addi	a0, a0, -1
	bnez	a0, 1b
	ret
	.endm
	touch	touch_4k, ld, 4096
	touch	touch_2m, ld, 0x200000
	touch	store_4k, sd, 4096
	touch	store_2m, sd, 0x200000

	/* Call a C function of the payload, without arguments. */
	.macro	calls name function
	.globl	op_\name
op_\name:
	addi	sp, sp, -16
	sd	ra, 0(sp)
	sd	s0, 8(sp)
	mv	s0, a0
1:	call	\function
	addi	s0, s0, -1
	bnez	s0, 1b
	ld	ra, 0(sp)
	ld	s0, 8(sp)
	addi	sp, sp, 16
	ret
	.endm
	calls	blk_read, bench_read_block
