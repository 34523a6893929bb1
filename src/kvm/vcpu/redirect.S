// SPDX-License-Identifier: MIT
/*
 * redirect.S - probe whether a guest's trap that passes through the firmware arrives correctly.
 *
 *   unsigned long redirect_probe(void)      the scause that arrived; cause 2 is right
 *
 * A guest's illegal instruction goes to M, and OpenSBI passes it on to HS by mret. QEMU 10.0.13
 * (not 10.0.2) then runs HS as if V were 1: translations are the guest's, and H CSRs trap. The
 * guest here is one instruction under the kernel's own page table, so the handler is found both
 * with V = 0 and with V = 1; it reads an H CSR to tell these cases apart. Called at boot, with SIE
 * = 0, before any VM exists. Clobbers sepc, scause, stval, vsstatus, hgatp and vsatp. Spec: H §2.1.
 */
#include "asm.h"
#include "kvm_offsets.h"

	.option	arch, +h
	.text

	.global	redirect_probe
	.type	redirect_probe, @function
	.balign	4
redirect_probe:
	csrrw	t0, sie, zero		/* with V = 1, interrupts are taken whatever SIE says */
	csrrw	t1, hedeleg, zero
	csrr	t2, hstatus
	csrr	t3, sstatus
	lla	t4, redirected
	csrrw	t4, stvec, t4
	csrr	t5, satp
	csrw	vsatp, t5
	csrw	hgatp, zero
	csrw	vsstatus, zero		/* FS = Off */
	hfence.gvma
	hfence.vvma
	li	t5, PROBE_hstatus
	csrs	hstatus, t5
	li	t5, PROBE_sstatus
	csrs	sstatus, t5
	lla	t5, 1f
	csrw	sepc, t5
	sret
1:	.word	0xe0000053		/* fmv.x.w zero, ft0 */

	.balign	4
redirected:
	csrr	t5, hstatus		/* with V = 1: a virtual-instruction trap, back to here */
	csrr	a0, scause
	csrw	stvec, t4
	csrw	sstatus, t3
	csrw	hstatus, t2
	csrw	hedeleg, t1
	csrw	sie, t0
	csrw	vsatp, zero
	hfence.vvma
	ret
