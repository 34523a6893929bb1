/* SPDX-License-Identifier: MIT */
/*
 * uaccess.S - the only instructions of the host that touch user memory.
 *
 * sstatus.SUM is 1 only between SUM_ON and the return. Each access has an entry in
 * __ex_table: {address of the access, address to go on at} as two unsigned longs, which
 * trap.c uses when mm_fault() could not make the page usable. Callers have checked
 * that the range lies below USER_END.
 */
#include "hv/csr.h"

#define EFAULT 14

	.macro	SUM_ON
	li	t6, SSTATUS_SUM
	csrs	sstatus, t6
	.endm

	.macro	SUM_OFF
	csrc	sstatus, t6
	.endm

	.macro	user insn:vararg
100:	\insn
	.pushsection __ex_table, "a"
	.balign	8
	.quad	100b, user_fault
	.popsection
	.endm

	.text
	/* Every failed access ends here; t6 is SSTATUS_SUM, the stack is as at entry. */
user_fault:
	SUM_OFF
	li	a0, -EFAULT
	ret

	/*
	 * int user_copy(void *dst, const void *src, size_t n): one of the two is a user
	 * address, and only accesses to it can fault. 0 or -EFAULT.
	 */
	.globl	user_copy
user_copy:
	SUM_ON
	xor	t0, a0, a1
	andi	t0, t0, 7
	bnez	t0, .Lbytes		/* never aligned alike */
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
	add	a3, a3, a0		/* end of the part in blocks of 64 */
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
	bgeu	a1, t1, .Lclear_word
.Lclear_byte:
	user	sb zero, 0(a0)
	addi	a0, a0, 1
	j	.Lclear
.Lclear_word:
	user	sd zero, 0(a0)
	mv	a0, t1
	j	.Lclear

	/* long user_strncpy(char *dst, unsigned long src, size_t n): length, n without NUL, -EFAULT. */
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

	/* int user_load_8/4(value *, addr): the short way for get_user() of one register. */
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
	bne	t0, a1, 2f		/* both sign-extended: lr.w by ISA, a1 by ABI */
	user	sc.w.rl t1, a2, (a0)
	bnez	t1, 1b
2:	SUM_OFF
	sw	t0, 0(a3)
	li	a0, 0
	ret
