/* SPDX-License-Identifier: MIT */
/*
 * trap.S - trap entry and return, and the switch between threads.
 *
 * sscratch tells where a trap came from: it holds the thread's address in user mode and 0 in the
 * kernel. SIE is never 1 in the kernel, so a trap from the kernel is an exception: either an access
 * to user memory faulted, or there is a bug. While a guest runs, stvec is the core's vector, not
 * trap_entry.
 */
#include "hv/csr.h"
#include "platform/layout.h"
#include "host_offsets.h"

	/* The registers that C does not preserve, besides sp and tp; and those that it does. */
#define CALLER_SAVED 1, 3, 5, 6, 7, 10, 11, 12, 13, 14, 15, 16, 17, 28, 29, 30, 31
#define CALLEE_SAVED 8, 9, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27

	.macro	save_regs numbers:vararg
	.irp	n, \numbers
	sd	x\n, (FRAME_ra + 8 * (\n - 1))(sp)
	.endr
	.endm

	.macro	load_regs numbers:vararg
	.irp	n, \numbers
	ld	x\n, (FRAME_ra + 8 * (\n - 1))(sp)
	.endr
	.endm

	.macro	save_all
	save_regs CALLER_SAVED
	save_regs CALLEE_SAVED
	csrr	t0, sepc
	csrr	t1, sstatus
	csrr	t2, scause
	csrr	t3, stval
	sd	t0, FRAME_epc(sp)
	sd	t1, FRAME_status(sp)
	sd	t2, FRAME_cause(sp)
	sd	t3, FRAME_tval(sp)
	.endm

	/*
	 * The SC drops the hart's load reservation, which a trap does not necessarily clear. With a
	 * reservation of another thread, of a guest, or of a failed compare-and-swap in the kernel,
	 * an SC of the context that continues here could succeed wrongly (A §2 recommends an SC to
	 * a scratch word at a context switch). A return to the kernel does not rely on the SC: if
	 * user_cmpxchg_4() faults, it continues at its fixup, not at its own SC. The scratch word
	 * is the frame's epc, which is overwritten with the same value.
	 */
#if FRAME_epc != 0
#error "the frame does not begin with epc"
#endif
	.macro	restore_caller_saved
	ld	t0, FRAME_epc(sp)
	ld	t1, FRAME_status(sp)
	csrw	sepc, t0
	csrw	sstatus, t1
	sc.d	zero, t0, (sp)		/* no load reservation: see above */
	load_regs CALLER_SAVED
	.endm

	.macro	restore_all
	load_regs CALLEE_SAVED
	restore_caller_saved
	.endm

	.text
	.balign	4
	.globl	trap_entry
trap_entry:
	csrrw	tp, sscratch, tp
	beqz	tp, from_kernel

	/* From user mode: the frame is at the top of the thread's kernel stack. */
	sd	sp, THREAD_user_sp(tp)
	ld	sp, THREAD_kernel_sp(tp)
	save_regs CALLER_SAVED
	csrr	t0, sepc
	csrr	t1, sstatus
	csrr	t2, scause
	ld	t3, THREAD_user_sp(tp)
	csrrw	t4, sscratch, zero
	sd	t1, FRAME_status(sp)
	sd	t2, FRAME_cause(sp)
	sd	t3, FRAME_sp(sp)
	sd	t4, FRAME_tp(sp)
	mv	a0, sp
	li	t1, EXC_ECALL_U
	bne	t2, t1, from_user

	/*
	 * A system call. C preserves the callee-saved registers, and few calls need their values.
	 * syscall_dispatch() returns 0 if the thread can return to user mode at once.
	 */
	addi	t0, t0, 4
	sd	t0, FRAME_epc(sp)
	call	syscall_dispatch
	bnez	a0, finish_syscall
	.globl	return_from_syscall	/* so that scripts/anatomy.stages can name it */
return_from_syscall:
	csrw	sscratch, tp
	restore_caller_saved
	ld	tp, FRAME_tp(sp)
	ld	sp, FRAME_sp(sp)
	sret

	/* With all registers in the frame, do what syscall_dispatch() has left to do. */
finish_syscall:
	save_regs CALLEE_SAVED
	mv	a1, a0
	mv	a0, sp
	call	syscall_finish
	j	trap_return_to_user

from_user:
	csrr	t3, stval
	sd	t0, FRAME_epc(sp)
	sd	t3, FRAME_tval(sp)
	save_regs CALLEE_SAVED
	call	trap_user

	/* A new thread of a process starts here too: see thread.c. */
	.globl	trap_return_to_user
trap_return_to_user:
	ld	sp, THREAD_kernel_sp(tp)
	csrw	sscratch, tp
	restore_all
	ld	tp, FRAME_tp(sp)
	ld	sp, FRAME_sp(sp)
	sret

from_kernel:
	csrrw	tp, sscratch, zero	/* tp is the thread and sscratch 0 again */
	sd	t0, THREAD_trap_t0(tp)
	ld	t0, THREAD_kstack_limit(tp)
	bltu	sp, t0, stack_overflow	/* storing the frame would fault again and again */
	ld	t0, THREAD_trap_t0(tp)
	addi	sp, sp, -FRAME_SIZE
	save_all
	sd	tp, FRAME_tp(sp)
	addi	t0, sp, FRAME_SIZE
	sd	t0, FRAME_sp(sp)
	mv	a0, sp
	call	trap_kernel
	restore_all
	addi	sp, sp, FRAME_SIZE
	sret

	/*
	 * The first overflow is reported, on a separate stack. Any later overflow only stops its
	 * hart.
	 */
stack_overflow:
	sd	sp, THREAD_user_sp(tp)
	la	sp, overflow_reported
	li	t0, 1
	amoswap.w t0, t0, (sp)
	bnez	t0, .
	la	sp, overflow_stack_end
	addi	sp, sp, -FRAME_SIZE
	ld	t0, THREAD_trap_t0(tp)
	save_all
	ld	t0, THREAD_user_sp(tp)
	sd	t0, FRAME_sp(sp)
	sd	tp, FRAME_tp(sp)
	mv	a0, sp
	call	trap_stack_overflow

	/*
	 * switch_context(prev, next): save prev's callee-saved registers and load next's. Returns
	 * in next, from next's own call. The hart's rq_lock is held throughout.
	 */
	.globl	switch_context
switch_context:
	addi	a2, a0, THREAD_context
	addi	a3, a1, THREAD_context
	sd	ra, 0(a2)
	sd	sp, 8(a2)
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
	sd	s\n, (16 + 8 * \n)(a2)
	ld	s\n, (16 + 8 * \n)(a3)
	.endr
	ld	ra, 0(a3)
	ld	sp, 8(a3)
	mv	tp, a1
	ret

	.bss
	.balign	16
overflow_stack:
	.space	KSTACK_SIZE
overflow_stack_end:
overflow_reported:
	.word	0
