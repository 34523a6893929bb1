// SPDX-License-Identifier: MIT
/*
 * start.S - the assembly of a payload: Image header, boot, trap entry, and calls to code that may
 * trap.
 *
 * sscratch holds the address of this hart's struct hart. So does tp, except in the code that
 * enter_code() or enter_user() runs.
 */
#include "rt.h"

	.section .head, "ax"
	.globl	_start
_start:
	/* The RISC-V Image header, 64 bytes (Linux, arch/riscv/boot-image-header). */
	.option push
	.option norvc
	j	boot
	nop
	.option pop
	.dword	LOAD_OFFSET
	.dword	_end - _start
	.dword	0			/* flags: little-endian */
	.word	2			/* header version 0.2 */
	.word	0
	.dword	0
	.dword	0x5643534952		/* "RISCV" */
	.word	0x05435352		/* "RSC\5" */
	.word	0

	.text
boot:
	/* a0 = hart id, a1 = device tree; satp = 0, interrupts off (SBI §9). */
	csrw	sie, zero
	la	t0, _bss
	la	t1, _bss_end
1:	sd	zero, 0(t0)
	addi	t0, t0, 8
	bltu	t0, t1, 1b
	la	tp, harts
	csrw	sscratch, tp
	la	t0, trap_entry
	csrw	stvec, t0
	la	sp, boot_stack_top
	call	rt_main
1:	wfi
	j	1b

	/* Entry of a hart that SBI HSM started: a0 = hart id, a1 = its struct hart. */
	.globl	secondary_start
secondary_start:
	csrw	sie, zero
	mv	tp, a1
	csrw	sscratch, tp
	la	t0, trap_entry
	csrw	stvec, t0
	ld	sp, HART_SP(tp)
	mv	a0, a1
	call	rt_secondary
1:	wfi
	j	1b

	/*
	 * Entry of every trap. The interrupted sp may have any value, so the frame
	 * is in struct hart and the handler has its own stack.
	 */
	.globl	trap_entry
	.balign	4
trap_entry:
	csrrw	tp, sscratch, tp
	.irp	n, 1,2,3,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	sd	x\n, HART_REGS + 8 * \n(tp)
	.endr
	csrrw	t0, sscratch, tp
	sd	t0, HART_REGS + 8 * 4(tp)
	csrr	t0, sepc
	sd	t0, HART_EPC(tp)
	csrr	t0, sstatus
	sd	t0, HART_STATUS(tp)
	csrr	t0, scause
	sd	t0, HART_CAUSE(tp)
	csrr	t0, stval
	sd	t0, HART_TVAL(tp)
	ld	sp, HART_TRAP_SP(tp)
	mv	a0, tp
	call	rt_trap
	ld	t0, HART_EPC(tp)
	csrw	sepc, t0
	ld	t0, HART_STATUS(tp)
	csrw	sstatus, t0
	.irp	n, 1,2,3,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	ld	x\n, HART_REGS + 8 * \n(tp)
	.endr
	ld	tp, HART_REGS + 8 * 4(tp)
	sret

	/* catch_call(fn, arg): call fn(arg); a caught trap in fn continues at catch_return. */
	.globl	catch_call
catch_call:
	addi	sp, sp, -112
	sd	ra, 0(sp)
	.irp	n, 0,1,2,3,4,5,6,7,8,9,10,11
	sd	s\n, 8 + 8 * \n(sp)
	.endr
	sd	sp, HART_CATCH_SP(tp)
	mv	t0, a0
	mv	a0, a1
	jalr	t0
	.globl	catch_return
catch_return:
	sd	zero, HART_CATCH_SP(tp)
	ld	ra, 0(sp)
	.irp	n, 0,1,2,3,4,5,6,7,8,9,10,11
	ld	s\n, 8 + 8 * \n(sp)
	.endr
	addi	sp, sp, 112
	ret

	/* enter_user(pc, arg, sp): enter U mode. Does not return: the next trap is caught. */
	.globl	enter_user
enter_user:
	csrw	sepc, a0
	li	t0, 1 << 8			/* SPP = 0: U */
	csrc	sstatus, t0
	mv	a0, a1
	mv	sp, a2
	la	ra, user_done
	sret

	/*
	 * enter_code(regs): load x1 to x31 from regs[] and go to regs[0] in S mode, with interrupts
	 * on.
	 */
	.globl	enter_code
enter_code:
	ld	t0, 0(a0)
	csrw	sepc, t0
	li	t0, 1 << 8 | 1 << 5		/* SPP = 1: S mode; SPIE = 1 */
	csrs	sstatus, t0
	mv	x31, a0
	.irp	n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30
	ld	x\n, 8 * \n(x31)
	.endr
	ld	x31, 8 * 31(x31)
	sret

	/* A U-mode function returns here, with its result in a0. */
user_done:
	ecall
	j	user_done

	.section .noinit, "aw", @nobits
	.balign	16
	.space	BOOT_STACK_SIZE
boot_stack_top:
