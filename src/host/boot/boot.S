/* SPDX-License-Identifier: MIT */
/*
 * boot.S - from the firmware to the first C function, on the first hart and on the others.
 *
 * Entry: a0 = hartid, MMU off, sstatus.SIE = 0 (SBI §9, HSM hart start); on the first hart,
 * a1 = device tree (physical). The Image header is that of the RISC-V Linux boot protocol. Exit, at
 * high addresses: host_main(hartid, dtb, load address) on the first hart, else secondary_main().
 */
#include "hv/csr.h"
#include "hv/run_desc.h"
#include "platform/layout.h"
#include "host_offsets.h"

	.section .head, "ax"
	.globl	_start
_start:
	/* The RISC-V Image header: 64 bytes. U-Boot and our own VMM read it, but QEMU does not. */
	.option	push
	.option	norvc
	j	start_first
	nop
	.option	pop
	.dword	0x200000		/* text_offset: load at RAM + 2 MiB */
	.dword	_image_end - _start	/* image_size, with bss */
	.dword	0			/* flags: little-endian */
	.word	2			/* header version 0.2 */
	.word	0
	.dword	0
	.ascii	"RISCV\0\0\0"
	.ascii	"RSC\x05"
	.word	0
	.org	_start + HS_RUN_DESC_OFFSET
	/* run_desc (platform.c, section .run_desc) follows here. */

	.text
start_first:
	csrw	sie, zero
	mv	s0, a0
	mv	s1, a1

	lla	t0, _bss_start
	lla	t1, _bss_end
1:	.irp	offset, 0, 8, 16, 24, 32, 40, 48, 56
	sd	zero, \offset(t0)
	.endr
	addi	t0, t0, 64
	bltu	t0, t1, 1b

	lla	sp, boot_stack_end
	lla	s2, _start
	mv	a0, s2
	call	pgtable_init_early	/* physical addresses only; returns satp */
	lla	t2, boot_thread
	lla	t3, boot_high
	j	mmu_on

	/*
	 * a0 = satp, t2 = thread (first hart only), t3 = where to continue. t2 and t3 are physical;
	 * adding the difference between the link and load addresses makes them virtual. The first
	 * fetch after the write to satp faults, and the hart continues at stvec, which already
	 * holds the virtual t3.
	 */
mmu_on:
	/* A reset leaves senvcfg unspecified. Harts before version 1.12 do not have it, and trap. */
	lla	t0, 1f
	csrw	stvec, t0
	csrw	senvcfg, zero
	.balign	4
1:
	li	t0, KERNEL_BASE
	lla	t1, _start
	sub	t0, t0, t1
	add	t2, t2, t0
	add	t3, t3, t0
	csrw	stvec, t3
	sfence.vma
	csrw	satp, a0
	nop
	j	.

	.balign	4
boot_high:
	csrw	sscratch, zero
	mv	tp, t2
	la	sp, boot_stack_end
	mv	a0, s0
	mv	a1, s1
	mv	a2, s2
	call	host_main
	j	.

	/* A secondary hart: a0 = hartid, a1 = struct hart_boot_info (physical). */
	.globl	start_secondary
start_secondary:
	csrw	sie, zero
	ld	a0, BOOT_INFO_satp(a1)
	ld	s0, BOOT_INFO_thread(a1)	/* already a virtual address */
	lla	t3, secondary_high
	j	mmu_on

	.balign	4
secondary_high:
	csrw	sscratch, zero
	mv	tp, s0
	ld	sp, THREAD_kernel_sp(tp)
	call	secondary_main
	j	.

	.bss
	.balign	4096
	.globl	boot_stack
boot_stack:
	.space	KSTACK_SIZE
	.globl	boot_stack_end
boot_stack_end:
