// SPDX-License-Identifier: MIT
/*
 * lab_switch.S - check that vcpu_switch() preserves what its caller relies on
 *
 * vcpu_switch_checked(vcpu) calls vcpu_switch(), and stops the machine unless all of these hold:
 *
 *  - every register and CSR that run.c relies on has its old value;
 *  - the saved sp and tp of the guest are not the host's values, which the test's guest never uses;
 *  - the guest's a0 and sepc are saved with their values at the trap. To record these values,
 *    another exit vector runs before the vCPU's own.
 *
 * Only the kernel built by labs/02-switch/tests/host-registers.t calls this function. The function
 * supports only one hart, because there is a single copy of the expected values.
 */
#include "asm.h"
#include "kvm_offsets.h"

	.option	arch, +h

	/* Stop unless the CSR \name still has the value in slot \slot of `before`. t0: `before`. */
	.macro	same_csr name, slot
	csrr	t1, \name
	REG_L	t2, (\slot * SZREG)(t0)
	beq	t1, t2, 1f
	lab_todo "lab 2: src/kvm/exit/switch.S: write the code that restores \name: vcpu_switch() returns with another value in \name"
1:
	.endm
	/*
	 * Stop unless the general register \name still has the value in slot \slot of `before`. t0:
	 * `before`.
	 */
	.macro	same name, slot
	REG_L	t2, (\slot * SZREG)(t0)
	beq	\name, t2, 1f
	lab_todo "lab 2: src/kvm/exit/switch.S: write the code that restores \name: vcpu_switch() returns with another value in \name"
1:
	.endm
	/*
	 * Stop if the guest's \name, general register \number, was saved with the host's value,
	 * which is in slot \slot of `before`. t0: `before`, a1: the vCPU.
	 */
	.macro	not_the_guests name, number, slot
	REG_L	t1, (GUEST_gpr + \number * SZREG)(a1)
	REG_L	t2, (\slot * SZREG)(t0)
	bne	t1, t2, 1f
	lab_todo "lab 2: src/kvm/exit/switch.S: write step 4 again: it saves the guest's \name when \name already has the host's value (switch_fast.S)"
1:
	.endm

	/*
	 * Stop unless the guest's \name was saved, at \offset of the vCPU, with its value at the
	 * trap, which is in slot \slot of `seen`. t0: `seen`, a1: the vCPU.
	 */
	.macro	as_trapped name, offset, slot
	REG_L	t1, \offset(a1)
	REG_L	t2, (\slot * SZREG)(t0)
	beq	t1, t2, 1f
	lab_todo "lab 2: src/kvm/exit/switch.S: write step 5 again: the value that it saves for the guest's \name is not that at the trap"
1:
	.endm

	/*
	 * An exit vector: record a0 and sepc in `seen`, and continue in \next with all registers
	 * unchanged.
	 */
	.macro	vector name, next
	.balign	4
\name:
	csrw	sscratch, a0
	la	a0, seen
	REG_S	t0, (0 * SZREG)(a0)
	csrr	t0, sscratch
	REG_S	t0, (1 * SZREG)(a0)
	csrr	t0, sepc
	REG_S	t0, (2 * SZREG)(a0)
	REG_L	t0, (3 * SZREG)(a0)
	csrrw	t0, sscratch, t0
	REG_L	t0, (0 * SZREG)(a0)
	REG_L	a0, (1 * SZREG)(a0)
	j	\next
	.endm

	.text
	vector	seen_exit, vcpu_exit_vector
	vector	seen_fast, vcpu_exit_fast
	vector	seen_nested, vcpu_exit_nested

	.global	vcpu_switch_checked
	.type	vcpu_switch_checked, @function
vcpu_switch_checked:
	/*
	 * Save the caller's registers on its stack, and the values expected after the switch in
	 * `before`.
	 */
	addi	sp, sp, -4 * SZREG
	REG_S	ra, 0(sp)
	REG_S	a0, (1 * SZREG)(sp)
	la	t0, before
	REG_S	sp, (0 * SZREG)(t0)
	REG_S	gp, (1 * SZREG)(t0)
	REG_S	tp, (2 * SZREG)(t0)
	csrr	t1, stvec
	REG_S	t1, (3 * SZREG)(t0)
	csrr	t1, sscratch
	REG_S	t1, (4 * SZREG)(t0)
	csrr	t1, hstatus
	REG_S	t1, (5 * SZREG)(t0)
	csrr	t1, sstatus
	REG_S	t1, (6 * SZREG)(t0)
	/*
	 * Install the vector that records a0 and sepc and continues in the vCPU's own vector. The
	 * sepc in `seen` stays 0 until the installed vector runs.
	 */
	la	t0, seen
	REG_S	zero, (2 * SZREG)(t0)
	REG_S	a0, (3 * SZREG)(t0)
	REG_L	t1, VCPU_exit_vector(a0)
	REG_S	t1, (2 * SZREG)(sp)
	la	t2, vcpu_exit_vector
	la	t0, seen_exit
	beq	t1, t2, 1f
	la	t2, vcpu_exit_nested
	la	t0, seen_nested
	beq	t1, t2, 1f
	la	t0, seen_fast
1:	REG_S	t0, VCPU_exit_vector(a0)
	call	vcpu_switch
	la	t0, before
	same	sp, 0
	same	gp, 1
	same	tp, 2
	same_csr stvec, 3
	same_csr sscratch, 4
	same_csr hstatus, 5
	same_csr sstatus, 6
	REG_L	a1, (1 * SZREG)(sp)
	not_the_guests sp, 2, 0
	not_the_guests tp, 4, 2
	la	t0, seen
	REG_L	t1, (2 * SZREG)(t0)
	bnez	t1, 1f
	lab_todo "lab 2: src/kvm/exit/switch.S: write step 2 again: stvec is not the vector in VCPU_exit_vector"
1:
	as_trapped a0, (GUEST_gpr + 10 * SZREG), 1
	as_trapped sepc, GUEST_sepc, 2
	REG_L	t1, (2 * SZREG)(sp)
	REG_S	t1, VCPU_exit_vector(a1)
	mv	a0, a1
	REG_L	ra, 0(sp)
	addi	sp, sp, 4 * SZREG
	ret

	.bss
	.balign	SZREG
before:
	.space	7 * SZREG
	/* Slots 0 to 2: t0 (temporarily), a0, sepc at the last trap; slot 3: the vCPU's address. */
seen:
	.space	4 * SZREG
