/* SPDX-License-Identifier: MIT */
/*
 * hpm.S - read one of the counters hpmcounter3 to hpmcounter31 by its number.
 *
 * A CSR's number is part of the instruction, so each counter has its own instruction.
 */
	.text
	/* unsigned long hpm_read(unsigned int number): number is 3 to 31. */
	.globl	hpm_read
hpm_read:
	la	t0, .Lreads
	addi	a0, a0, -3
	slli	a0, a0, 3		/* two instructions of 4 bytes per counter */
	add	t0, t0, a0
	jr	t0

	.option	push
	.option	norvc
.Lreads:
	.set	csr, 0xc03		/* hpmcounter3 */
	.rept	29
	csrr	a0, csr
	ret
	.set	csr, csr + 1
	.endr
	.option	pop
