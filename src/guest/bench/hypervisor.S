// SPDX-License-Identifier: MIT
/*
 * hypervisor.S - measured operations of a guest hypervisor (hypervisor.c). As in bench.S, a loop
 * takes two instructions.
 *
 * l2_code_NAME is what the guest's own guest executes. It shares this payload's memory and registers,
 * and ends with an ecall, which traps to the address that `begins` has written to stvec. It must
 * not change t1, which holds the entry's address for the next round. l2_pages does, so it is only for n = 1.
 */
	.option	arch, +h
	.option	norvc

#define HSTATUS_SPV (1 << 7)
#define SSTATUS_SPP (1 << 8)
#define CAUSE_VS_CALL 10

#define SBI_EXT_NACL       0x4e41434c
#define SBI_NACL_SYNC_SRET 4

	/* Begin an operation (n = a0, arg = a1) that enters `code` n times: a3 counts, t1 = code, a2 = arg. */
	.macro	begins name:req, code:req, trap:req
	.globl	op_\name
	.balign	4
op_\name:
	mv	a3, a0
	mv	a2, a1
	la	t0, \trap
	csrrw	a4, stvec, t0
	la	t1, l2_code_\code
	li	t0, HSTATUS_SPV
	csrs	hstatus, t0
	li	t0, SSTATUS_SPP
	csrs	sstatus, t0
	.endm

	.macro	ends
	csrw	stvec, a4
	li	t0, HSTATUS_SPV
	csrc	hstatus, t0
	ret
	.endm

	/* An operation that enters its own code. `\before` precedes each sret. */
	.macro	enters name:req, before:vararg
	begins	\name, \name, 2f
1:	csrw	sepc, t1
	\before
	sret
	.balign	4
2:	addi	a3, a3, -1		/* the trap has set SPV and SPP */
	bnez	a3, 1b
	ends
	.endm

	enters	l2_call
l2_code_l2_call:
	ecall

	enters	l2_wfi
l2_code_l2_wfi:
	wfi
	ecall

	enters	l2_fault, hfence.gvma
l2_code_l2_fault:
	ld	t0, 0(a2)
	ecall

	/* arg points at `changed` (bench_l2_changed()): store an entry of L1's table, and fence its address. */
	.macro	change
	ld	t3, 0(a2)
	ld	t4, 8(a2)
	ld	t5, 16(a2)
	sd	t4, 0(t3)
	hfence.gvma t5
	.endm

	enters	l2_changed, change
l2_code_l2_changed:
	ld	t0, 24(a2)
	ld	t0, 0(t0)
	ecall

	enters	l2_pages
l2_code_l2_pages:
	mv	t0, a2
	li	t1, 64 /* PAGES (hypervisor.c) */
	li	t2, 4096
1:	ld	t3, 0(t0)
	add	t0, t0, t2
	addi	t1, t1, -1
	bnez	t1, 1b
	ecall

	/* L2 loads a word of the next page. */
	enters	l2_load
l2_code_l2_load:
	ld	t0, 0(a2)
	lui	t0, 1
	add	a2, a2, t0
	ecall

	/*
	 * The same for pages without an entry in L1's table. arg points at `absent` (bench_l2_misses()): L1
	 * stores the next entry and enters L2 again, which repeats its load.
	 */
	begins	l2_map, l2_load, 3f
	ld	t3, 0(a1)
	ld	t4, 8(a1)
	ld	a2, 16(a1)
1:	csrw	sepc, t1
2:	sret
	.balign	4
3:	csrr	t0, scause
	addi	t0, t0, -CAUSE_VS_CALL
	beqz	t0, 4f
	sd	t4, 0(t3)
	addi	t3, t3, 8
	addi	t4, t4, 1 << 10		/* the next page */
	j	2b
4:	addi	a3, a3, -1
	bnez	a3, 1b
	ends

	/*
	 * The same as l2_call by SBI NACL's sync_sret: a1 = the shared memory, whose first words are the
	 * registers of L2, which are L1's again after the trap.
	 */
	.globl	op_l2_call_nacl
	.balign	4
op_l2_call_nacl:
	mv	a3, a0
	la	t0, 2f
	csrrw	a4, stvec, t0
	la	t1, l2_code_l2_call
	li	t0, SSTATUS_SPP
	csrs	sstatus, t0
	li	a6, SBI_NACL_SYNC_SRET
	li	a7, SBI_EXT_NACL
	.irp	x, 1, 2, 3, 4, 6, 8, 9, 11, 14, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27
	sd	x\x, 8 * \x(a1)
	.endr
1:	csrw	sepc, t1
	sd	a3, 8 * 13(a1)
	ecall
	j	.
	.balign	4
2:	addi	a3, a3, -1
	bnez	a3, 1b
	csrw	stvec, a4
	ret

	.macro	op name:req, insn:vararg
	.globl	op_\name
	.balign	4
op_\name:
	mv	a3, a0			/* anatomy needs a loop that begins after the function's entry */
1:	\insn
	addi	a3, a3, -1
	bnez	a3, 1b
	ret
	.endm
	op	h_read, csrr t0, vsscratch
	op	h_write, csrw vsscratch, zero
	op	h_hlv, hlv.d t0, (a1)
	op	h_fence, hfence.gvma
	op	h_wfi, wfi
