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

	.macro	save_all
	.irp	n, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	sd	x\n, (FRAME_ra + 8 * (\n - 1))(sp)
	.endr
	sd	ra, FRAME_ra(sp)
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
	.macro	restore_all
	ld	t0, FRAME_epc(sp)
	ld	t1, FRAME_status(sp)
	csrw	sepc, t0
	csrw	sstatus, t1
	sc.d	zero, t0, (sp)		/* no load reservation: see above */
	ld	ra, FRAME_ra(sp)
	.irp	n, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	ld	x\n, (FRAME_ra + 8 * (\n - 1))(sp)
	.endr
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
	save_all
	ld	t0, THREAD_user_sp(tp)
	csrrw	t1, sscratch, zero
	sd	t0, FRAME_sp(sp)
	sd	t1, FRAME_tp(sp)
	mv	a0, sp
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

	/*
	 * fp_store(struct fp_state *) saves the FP registers, and fp_load(const struct fp_state *)
	 * loads them. FS must not be Off.
	 */
	.globl	fp_store
fp_store:
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	fsd	f\n, (8 * \n)(a0)
	.endr
	frcsr	t0
	sw	t0, FP_fcsr(a0)
	ret

	.globl	fp_load
fp_load:
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	fld	f\n, (8 * \n)(a0)
	.endr
	lw	t0, FP_fcsr(a0)
	fscsr	t0
	ret

	.bss
	.balign	16
overflow_stack:
	.space	KSTACK_SIZE
overflow_stack_end:
overflow_reported:
	.word	0
