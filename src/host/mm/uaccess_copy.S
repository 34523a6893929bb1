/* SPDX-License-Identifier: MIT */
/*
 * uaccess_copy.S - copying between kernel and user memory.
 *
 * Callers (uaccess.c) have checked that the range lies below USER_END.
 */
#include "uaccess_asm.h"

	.text
	/*
	 * int user_copy(void *dst, const void *src, size_t n): one of the two is a user
	 * address, and only accesses to it can fault. 0 or -EFAULT.
	 */
	.globl	user_copy
user_copy:
	SUM_ON
	xor	t0, a0, a1
	andi	t0, t0, 7
	bnez	t0, .Lshifted		/* dst and src can't both be aligned */
.Lalign:
	andi	t0, a0, 7
	beqz	t0, .Lwords
	beqz	a2, .Ldone
	user	lbu t0, 0(a1)
	user	sb t0, 0(a0)
	addi	a0, a0, 1
	addi	a1, a1, 1
	addi	a2, a2, -1
	j	.Lalign
.Lwords:
	andi	a3, a2, -64
	beqz	a3, .Lword
	add	a3, a3, a0		/* dst after the last block of 64 bytes */
	andi	a2, a2, 63
.Lblock:
	user	ld t0, 0(a1)
	user	ld t1, 8(a1)
	user	ld t2, 16(a1)
	user	ld t3, 24(a1)
	user	ld t4, 32(a1)
	user	ld t5, 40(a1)
	user	ld a4, 48(a1)
	user	ld a5, 56(a1)
	user	sd t0, 0(a0)
	user	sd t1, 8(a0)
	user	sd t2, 16(a0)
	user	sd t3, 24(a0)
	user	sd t4, 32(a0)
	user	sd t5, 40(a0)
	user	sd a4, 48(a0)
	user	sd a5, 56(a0)
	addi	a0, a0, 64
	addi	a1, a1, 64
	bltu	a0, a3, .Lblock
.Lword:
	li	t1, 8
	bltu	a2, t1, .Lbytes
	user	ld t0, 0(a1)
	user	sd t0, 0(a0)
	addi	a0, a0, 8
	addi	a1, a1, 8
	addi	a2, a2, -8
	j	.Lword
.Lbytes:
	beqz	a2, .Ldone
	add	a2, a2, a1
.Lbyte:
	user	lbu t0, 0(a1)
	user	sb t0, 0(a0)
	addi	a0, a0, 1
	addi	a1, a1, 1
	bltu	a1, a2, .Lbyte
.Ldone:
	SUM_OFF
	li	a0, 0
	ret

	/*
	 * Source and destination differ modulo 8: load aligned words, and combine two neighbors
	 * into each aligned store. Every word loaded contains a byte of the source, so no other
	 * page is accessed.
	 */
.Lshifted:
	li	t0, 32
	bltu	a2, t0, .Lbytes
.Lshift_align:
	andi	t0, a0, 7
	beqz	t0, .Lshift_begin
	user	lbu t0, 0(a1)
	user	sb t0, 0(a0)
	addi	a0, a0, 1
	addi	a1, a1, 1
	addi	a2, a2, -1
	j	.Lshift_align
.Lshift_begin:
	andi	t3, a1, 7		/* not 0: a0 and a1 differ modulo 8 */
	sub	t5, a1, t3		/* the aligned word that contains the next byte */
	slli	t3, t3, 3		/* number of the word's bits that precede that byte */
	neg	t4, t3			/* shift amounts are modulo 64 */
	andi	a3, a2, -8
	add	a1, a1, a3
	add	a3, a3, a0		/* dst after the last whole word */
	andi	a2, a2, 7
	user	ld t0, 0(t5)
.Lshift_word:
	user	ld t1, 8(t5)
	srl	t0, t0, t3
	sll	t2, t1, t4
	or	t0, t0, t2
	user	sd t0, 0(a0)
	mv	t0, t1
	addi	t5, t5, 8
	addi	a0, a0, 8
	bltu	a0, a3, .Lshift_word
	j	.Lbytes
