// SPDX-License-Identifier: MIT
/*
 * sbi_firmware.S - a system suspend that resumes: the registers that C needs are kept in memory.
 *
 * long suspend_to(state, resume): returns an error, or 0 after a resume. state: 16 words for
 * ra, sp, gp, tp, s0 to s11, followed by the hart's a0, satp and sstatus at the resume.
 */
#include "hv/sbi.h"
#include "regs_asm.h"

	.globl	suspend_to, suspend_resume
suspend_to:
	callers	sd, a0
	mv	a2, a0
	li	a0, SBI_SUSP_TO_RAM
	li	a6, SBI_SUSP_SYSTEM_SUSPEND
	li	a7, SBI_EXT_SUSP
	ecall
	ret

	/* a0 is the hart's ID, and a1 is the state; no other general register is defined. */
	.balign	4
suspend_resume:
	sd	a0, 128(a1)
	csrr	t0, satp
	sd	t0, 136(a1)
	csrr	t0, sstatus
	sd	t0, 144(a1)
	callers	ld, a1
	li	a0, 0
	ret
