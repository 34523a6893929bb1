/* SPDX-License-Identifier: MIT */
/*
 * shim.S - the M-mode firmware's entry points: reset, and traps to M mode.
 *
 * Hart 0 runs; all others sleep forever. mscratch holds the address of the trap frame while another
 * mode runs, and the interrupted sp while M mode handles a trap. Traps in M mode are expected only
 * before the first mret (probe_*(), m_try_write()), in shim_fetch(), and from the last store of
 * end_machine().
 */
#include "shim.h"

	.section .text.reset, "ax"
	.globl	shim_reset
shim_reset:
	csrr	t0, mhartid
	bnez	t0, park
	la	sp, shim_stack_end
	la	t0, trap_in_m
	csrw	mtvec, t0
	la	t0, shim_bss
	la	t1, shim_bss_end
1:	bgeu	t0, t1, 2f
	sd	zero, (t0)
	addi	t0, t0, 8
	j	1b
2:	call	shim_main
	la	t0, trap_to_m
	csrw	mtvec, t0
	la	t0, shim_frame
	csrw	mscratch, t0
	li	a0, 0
	la	a1, workload_fdt
	mret
park:
	wfi
	j	park

	/* A probed access has trapped: report it by a0 = 1, and step over the instruction. */
	.balign	4
trap_in_m:
	csrr	t6, mepc
	addi	t6, t6, 4
	csrw	mepc, t6
	li	a0, 1
	mret

	/* probe_load8(address, *value), probe_store32(address, value): 1 if the access trapped, else 0 */
	.option	push
	.option	norvc
	.globl	probe_load8
probe_load8:
	mv	t0, a0
	li	a0, 0
	lbu	t1, (t0)
	sb	t1, (a1)
	ret
	.globl	probe_store32
probe_store32:
	mv	t0, a0
	li	a0, 0
	sw	a1, (t0)
	ret
	.option	pop

	/*
	 * long shim_fetch(pc): read an instruction as the interrupted mode fetches it (MPRV and MXR; the
	 * two halves separately, because pc may be at the end of a page). Returns -1 if the load faults:
	 * the code's page may have been unmapped without a fence. The fault changes mepc and mstatus.
	 */
	.globl	shim_fetch
shim_fetch:
	csrr	t4, mstatus
	csrr	t5, mepc
	la	t6, fetch_fault
	csrrw	t6, mtvec, t6
	li	t0, 1 << 17 | 1 << 19
	csrs	mstatus, t0
	lhu	t1, 0(a0)
	andi	t2, t1, 3
	li	t3, 3
	bne	t2, t3, 1f
	lhu	t2, 2(a0)
	slli	t2, t2, 16
	or	t1, t1, t2
1:	csrw	mstatus, t4
	csrw	mtvec, t6
	mv	a0, t1
	ret
	.balign	4
fetch_fault:
	csrw	mepc, t5
	li	t1, -1
	j	1b

	.balign	4
	.globl	shim_forever
shim_forever:
	j	shim_forever

	.balign	4
trap_to_m:
	csrrw	sp, mscratch, sp
	.irp	n, 1,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	sd	x\n, 8 * \n(sp)
	.endr
	csrr	t0, mscratch
	sd	t0, 16(sp)
	mv	a0, sp
	la	sp, shim_stack_end
	call	shim_trap
	la	sp, shim_frame
	ld	t0, 16(sp)
	csrw	mscratch, t0
	.irp	n, 1,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	ld	x\n, 8 * \n(sp)
	.endr
	csrrw	sp, mscratch, sp
	mret

	.bss
	.balign	16
shim_frame:
	.space	256
	.space	4096
shim_stack_end:
