/* SPDX-License-Identifier: MIT */
/*
 * uaccess.S - user memory: one register, zeroes, strings, compare-and-swap.
 *
 * Callers (uaccess.c) have checked that the range lies below USER_END.
 */
#include "uaccess_asm.h"

	.text
	/* Failed accesses continue here; t6 is SSTATUS_SUM, and the stack is as it was at entry. */
	.globl	user_fault
user_fault:
	SUM_OFF
	li	a0, -EFAULT
	ret

	/* int user_clear(unsigned long dst, size_t n): 0 or -EFAULT. */
	.globl	user_clear
user_clear:
	SUM_ON
	add	a1, a1, a0
.Lclear:
	bgeu	a0, a1, .Ldone
	andi	t0, a0, 7
	addi	t1, a0, 8
	bnez	t0, .Lclear_byte
	addi	t2, a0, 64
	bgeu	a1, t2, .Lclear_block
	bgeu	a1, t1, .Lclear_word
.Lclear_byte:
	user	sb zero, 0(a0)
	addi	a0, a0, 1
	j	.Lclear
.Lclear_word:
	user	sd zero, 0(a0)
	mv	a0, t1
	j	.Lclear
.Lclear_block:
	.irp	at, 0, 8, 16, 24, 32, 40, 48, 56
	user	sd zero, \at(a0)
	.endr
	mv	a0, t2
	addi	t2, a0, 64
	bgeu	a1, t2, .Lclear_block
	j	.Lclear
.Ldone:
	SUM_OFF
	li	a0, 0
	ret

	/*
	 * long user_strncpy(char *dst, unsigned long src, size_t n): length, n (no NUL) or -EFAULT.
	 */
	.globl	user_strncpy
user_strncpy:
	SUM_ON
	mv	t1, a1
	add	a2, a2, a1
.Lstring:
	bgeu	a1, a2, .Lstring_end
	user	lbu t0, 0(a1)
	sb	t0, 0(a0)
	beqz	t0, .Lstring_end
	addi	a0, a0, 1
	addi	a1, a1, 1
	j	.Lstring
.Lstring_end:
	SUM_OFF
	sub	a0, a1, t1
	ret

	/* int user_load_8/4(value *, addr): fast path of get_user() for one register. */
	.globl	user_load_8
user_load_8:
	SUM_ON
	user	ld t0, 0(a1)
	SUM_OFF
	sd	t0, 0(a0)
	li	a0, 0
	ret

	.globl	user_load_4
user_load_4:
	SUM_ON
	user	lw t0, 0(a1)
	SUM_OFF
	sw	t0, 0(a0)
	li	a0, 0
	ret

	/* int user_store_8/4(addr, const value *) */
	.globl	user_store_8
user_store_8:
	ld	t0, 0(a1)
	SUM_ON
	user	sd t0, 0(a0)
	SUM_OFF
	li	a0, 0
	ret

	.globl	user_store_4
user_store_4:
	lw	t0, 0(a1)
	SUM_ON
	user	sw t0, 0(a0)
	SUM_OFF
	li	a0, 0
	ret

	/* int user_cmpxchg_4(unsigned long addr, u32 old, u32 new, u32 *seen) */
	.globl	user_cmpxchg_4
user_cmpxchg_4:
	SUM_ON
1:	user	lr.w.aqrl t0, (a0)
	bne	t0, a1, 2f		/* both sign-extended: t0 by lr.w, a1 by the ABI */
	user	sc.w.rl t1, a2, (a0)
	bnez	t1, 1b
2:	SUM_OFF
	sw	t0, 0(a3)
	li	a0, 0
	ret
