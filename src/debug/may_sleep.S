/* SPDX-License-Identifier: MIT */
/*
 * may_sleep.S - check the locks that the caller of a function of wrapped.def holds, and then enter the
 * function with its caller's registers: no spinlock if the function may sleep, and no lock under
 * which the last put must not be made. A put of NULL is not checked.
 */
#define CHECKED(function)
#define MAY_SLEEP(function) may_sleep function
#define PUT(function, lock) put function, lock

	/* Call check(argument), and enter the function. */
	.macro	checked_entry function, check, argument
	addi	sp, sp, -80
	sd	ra, 72(sp)
	sd	s0, 64(sp)
	addi	s0, sp, 80
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7
	sd	a\n, (8 * \n)(sp)
	.endr
	la	a0, \argument
	call	\check
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7
	ld	a\n, (8 * \n)(sp)
	.endr
	ld	s0, 64(sp)
	ld	ra, 72(sp)
	addi	sp, sp, 80
	tail	__real_\function
	.endm

	.macro	may_sleep function
	.section .rodata
1:	.asciz	"\function"
	.text
	.globl	__wrap_\function
__wrap_\function:
	checked_entry \function, debug_may_sleep, 1b
	.endm

	.macro	put function, lock
	.section .rodata
1:	.asciz	"\function"
2:	.asciz	"\lock"
	.data
	.balign	8
3:	.dword	1b, 2b, 0	/* struct may_take */
	.text
	.globl	__wrap_\function
__wrap_\function:
	bnez	a0, 4f
	tail	__real_\function
4:	checked_entry \function, debug_may_take, 3b
	.endm

#include "wrapped.def"
