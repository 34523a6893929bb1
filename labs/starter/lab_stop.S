// SPDX-License-Identifier: MIT
/*
 * lab_stop.S - end the run at a missing piece in assembly code (hv/lab.h)
 *
 *   lab_stop(a0 = text)       print the text like a panic message, and power the machine off
 *
 * The code jumps here from the middle of a world switch, so lab_stop uses no stack, relies on no
 * register except a0, and calls only the firmware.
 */
	.text
	.global	lab_stop
	.type	lab_stop, @function
lab_stop:
	mv	s0, a0
	la	s1, head
	call	say
	mv	s1, s0
	call	say
	la	s1, tail
	call	say
	/* SBI §10: shutdown, reason: system failure. */
	li	a7, 0x53525354
	li	a6, 0
	li	a0, 0
	li	a1, 1
	ecall
1:	j	1b

	/* Print the string at s1 byte by byte with console_putchar (SBI §5). */
say:
	lbu	a0, 0(s1)
	beqz	a0, 1f
	li	a7, 1
	ecall
	addi	s1, s1, 1
	j	say
1:	ret

	.section .rodata
head:
	.asciz	"\nhost: panic: "
tail:
	.asciz	"\n"
