// SPDX-License-Identifier: MIT
/*
 * unpriv.S - one access to guest virtual memory, with its traps caught.
 *
 *   unsigned long unpriv_hlv(gva, trap, hstatus)        a whole register, at an aligned address
 *   unsigned long unpriv_hlvx_hu(gva, trap, hstatus)    16 bits of an instruction
 *   unsigned long unpriv_NAME(gva, trap, hstatus, value)  any other instruction, such as hsv.w;
 *                                                         stores use `value`
 *
 * `hstatus` is the guest's, with SPVP set to the privilege of the access (H §3.1). On success,
 * trap->scause is 0; otherwise, *trap contains the trap's CSRs, and the result is 0. sstatus.SIE is
 * 0 on entry and on return. If the access traps, sepc, sstatus.SPP and sstatus.SPIE are clobbered,
 * which is harmless: the current system call has saved its own values of these on its stack.
 */
#include "asm.h"
#include "kvm_offsets.h"

	.option	arch, +h
	.text

	.macro	unpriv name, insn, data=a0
	.global	\name
	.type	\name, @function
	.balign	4
\name:
	lla	t0, unpriv_trap
	csrrw	t0, stvec, t0
	csrrw	t1, hstatus, a2
	\insn	\data, (a0)
	csrw	hstatus, t1
	csrw	stvec, t0
	REG_S	zero, TRAP_scause(a1)
	ret
	.endm

#if __riscv_xlen == 64
	unpriv	unpriv_hlv, hlv.d
#else
	unpriv	unpriv_hlv, hlv.w
#endif
	unpriv	unpriv_hlvx_hu, hlvx.hu
	unpriv	unpriv_hlvx_wu, hlvx.wu
	unpriv	unpriv_hlv_b, hlv.b
	unpriv	unpriv_hlv_bu, hlv.bu
	unpriv	unpriv_hlv_h, hlv.h
	unpriv	unpriv_hlv_hu, hlv.hu
	unpriv	unpriv_hlv_w, hlv.w
	unpriv	unpriv_hsv_b, hsv.b, a3
	unpriv	unpriv_hsv_h, hsv.h, a3
	unpriv	unpriv_hsv_w, hsv.w, a3
#if __riscv_xlen == 64
	unpriv	unpriv_hlv_wu, hlv.wu
	unpriv	unpriv_hlv_d, hlv.d
	unpriv	unpriv_hsv_d, hsv.d, a3
#endif

	/* stvec points here during the access. t0 and t1 hold the host's stvec and hstatus. */
	.type	unpriv_trap, @function
	.balign	4
unpriv_trap:
	csrw	stvec, t0
	csrw	hstatus, t1
	csrr	t2, sepc
	csrr	t3, scause
	csrr	t4, stval
	csrr	t5, htval
	csrr	t6, htinst
	REG_S	t2, TRAP_sepc(a1)
	REG_S	t3, TRAP_scause(a1)
	REG_S	t4, TRAP_stval(a1)
	REG_S	t5, TRAP_htval(a1)
	REG_S	t6, TRAP_htinst(a1)
	li	a0, 0
	ret
