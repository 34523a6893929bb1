/* SPDX-License-Identifier: MIT */
/*
 * may_sleep.S - for each function of wrapped.def that may sleep, check that its caller holds no
 * spinlock, and then enter the function with its caller's registers.
 */
#define CHECKED(function)
#define MAY_SLEEP(function) may_sleep function

	.macro	may_sleep function
	.section .rodata
1:	.asciz	"\function"
	.text
	.globl	__wrap_\function
__wrap_\function:
	addi	sp, sp, -80
	sd	ra, 72(sp)
	sd	s0, 64(sp)
	addi	s0, sp, 80
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7
	sd	a\n, (8 * \n)(sp)
	.endr
	la	a0, 1b
	call	debug_may_sleep
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7
	ld	a\n, (8 * \n)(sp)
	.endr
	ld	s0, 64(sp)
	ld	ra, 72(sp)
	addi	sp, sp, 80
	tail	__real_\function
	.endm

#include "wrapped.def"
