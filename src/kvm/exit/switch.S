// SPDX-License-Identifier: MIT
/*
 * switch.S - the minimal world switch: HS to VS or VU, and back at the next trap.
 *
 * It moves only what the guest cannot run without and what the host cannot continue without. All
 * other CSRs (VS CSRs, hgatp, timer, counters) and the FP and vector registers move in vcpu_load()
 * and vcpu_put(), once for many exits.
 *
 *   vcpu_switch(vcpu)         called by vcpu_enter() (exit.h); returns when the guest has trapped
 *   vcpu_exit_vector          stvec while the guest runs; or one of the vectors in switch_fast.S,
 *                             which jump to vcpu_exit_save_caller or vcpu_exit_save_callee for an
 *                             exit that they do not finish
 *
 * On entry: SIE = 0, the vCPU is loaded (vcpu.c), its VMID is current, and run.c has found no
 * request pending. On return: SIE = 0; scause, stval, htval and htinst still hold the trap's
 * values; vcpu->guest holds the guest's registers as of the trap.
 * Walkthrough: docs/walkthroughs/world-switch.md
 */
#include "asm.h"
#include "kvm_offsets.h"

	.option	arch, +h
	.text

	.global	vcpu_switch
	.type	vcpu_switch, @function
	.balign	4
vcpu_switch:
	/* Step 1: host registers. The caller expects all others to change (vcpu_enter()). */
	/* lab 2: write step 1: save the host's registers */
	REG_S	ra, HOST_ra(a0)
	REG_S	sp, HOST_sp(a0)
	REG_S	gp, HOST_gp(a0)
	REG_S	tp, HOST_tp(a0)
	/* lab 2 end */

	/*
	 * Step 2: swap CSRs. Once stvec holds the exit vector, a host trap would be saved as if it
	 * were the guest's. None can occur: SIE is 0, and nothing below can fault, because the vCPU
	 * is mapped in every address space.
	 */
	/* lab 2: write step 2: swap stvec, sscratch, sstatus and hstatus, and set sepc */
	REG_L	t0, VCPU_exit_vector(a0)
	REG_L	t1, GUEST_sstatus(a0)	/* SPP: VS or VU; SPIE unused; FS: see fp.h */
	REG_L	t2, GUEST_hstatus(a0)	/* SPV = 1: sret sets V (H §2.1) */
	REG_L	t3, GUEST_sepc(a0)
	csrrw	t0, stvec, t0
	csrrw	t4, sscratch, a0	/* how the exit vector finds the vCPU */
	csrrw	t1, sstatus, t1
	csrrw	t2, hstatus, t2
	csrw	sepc, t3
	REG_S	t0, HOST_stvec(a0)
	REG_S	t4, HOST_sscratch(a0)
	REG_S	t1, HOST_sstatus(a0)
	REG_S	t2, HOST_hstatus(a0)
	/* lab 2 end */

	/*
	 * Drop the hart's load reservation, which a trap does not necessarily clear. It may belong
	 * to another vCPU or thread, or to a failed compare-and-swap in the core, and the guest's
	 * next SC could succeed because of it. The A extension recommends an SC to a scratch word
	 * at a context switch, and when pages have moved (A §2). a0 points at the slot of x0, which
	 * stays 0 whether the SC succeeds or fails. vcpu_exit_fast needs no SC (switch_fast.S).
	 * scripts/hyperscope check-sret finds an sret that needs an SC but has none.
	 */
#if GUEST_gpr != 0
#error "the vCPU does not begin with the slot of x0"
#endif
	REG_SC	zero, zero, (a0)

	/* Step 3: guest registers, a0 last, since it points at the others. */
	/* lab 2: write step 3: load the guest's registers and enter the guest */
	.irp	n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20
	REG_L	x\n, (GUEST_gpr + \n * SZREG)(a0)
	.endr
	.irp	n, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	REG_L	x\n, (GUEST_gpr + \n * SZREG)(a0)
	.endr
	REG_L	a0, (GUEST_gpr + 10 * SZREG)(a0)
	sret
	/* lab 2 end */

	/*
	 * The guest has trapped. Hardware has set SIE = 0 and V = 0; the general registers are
	 * still the guest's. stvec is in direct mode, so this label must be aligned to 4 bytes.
	 */
	.global	vcpu_exit_vector
	.type	vcpu_exit_vector, @function
	.balign	4
vcpu_exit_vector:
	/*
	 * Step 4: guest registers, a0 by way of sscratch. First come the registers that the fast
	 * path saves as well: those that C may overwrite, and sp, gp and tp, in which C needs the
	 * host's values. Then come s0 to s11, which C preserves.
	 */
	/* lab 2: write step 4, beginning: make a0 point at the vCPU, and save x5 and x6 */
	csrrw	a0, sscratch, a0
	REG_S	x5, (GUEST_gpr + 5 * SZREG)(a0)
	REG_S	x6, (GUEST_gpr + 6 * SZREG)(a0)
	/* lab 2 end */
	.global	vcpu_exit_save_caller
vcpu_exit_save_caller:
	/* lab 2: write step 4, first part: save the registers that C may use, and sp, gp and tp */
	.irp	n, 1, 2, 3, 4, 7, 11, 12, 13, 14, 15, 16, 17, 28, 29, 30, 31
	REG_S	x\n, (GUEST_gpr + \n * SZREG)(a0)
	.endr
	/* lab 2 end */
	.global	vcpu_exit_save_callee
vcpu_exit_save_callee:
	/* lab 2: write step 4, second part: save the guest's s0 to s11, which C preserves */
	.irp	n, 8, 9, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27
	REG_S	x\n, (GUEST_gpr + \n * SZREG)(a0)
	.endr
	/* lab 2 end */

	/*
	 * Step 5: swap CSRs back. sstatus and hstatus come before anything that the guest's SUM,
	 * MXR or SPVP could affect.
	 */
	/* lab 2: write step 5: swap the CSRs back, and save the guest's a0 and sepc */
	REG_L	t0, HOST_stvec(a0)
	REG_L	t1, HOST_sscratch(a0)
	REG_L	t2, HOST_sstatus(a0)
	REG_L	t3, HOST_hstatus(a0)
	csrw	stvec, t0
	csrrw	t1, sscratch, t1	/* gives the guest's a0 */
	csrrw	t2, sstatus, t2
	csrrw	t3, hstatus, t3
	csrr	t4, sepc
	REG_S	t1, (GUEST_gpr + 10 * SZREG)(a0)
	REG_S	t2, GUEST_sstatus(a0)
	REG_S	t3, GUEST_hstatus(a0)
	REG_S	t4, GUEST_sepc(a0)
	/* lab 2 end */

	/* Step 6: host registers, and back to the caller of vcpu_switch(). */
	/* lab 2: write step 6: load the host's registers and return */
	REG_L	ra, HOST_ra(a0)
	REG_L	sp, HOST_sp(a0)
	REG_L	gp, HOST_gp(a0)
	REG_L	tp, HOST_tp(a0)
	ret
	/* lab 2 end */
