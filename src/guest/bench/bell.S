// SPDX-License-Identifier: MIT
/*
 * bell.S - ring a doorbell and note when it is answered (bell.c), or set a timer that is already
 * due (time.c).
 */
#include "hv/sbi.h"

	.option	norvc

	/*
	 * unsigned long bench_ring(bell, steps, &rung, enable): ring a doorbell 2 * `steps`
	 * instructions, plus a constant, after a tick of the clock, and sleep until an interrupt of
	 * `enable` (bits of sie) arrives. Sets *rung to the time of the ring; returns the time at
	 * which the interrupt's handler began. `steps` is at least 1. Requires SIE = 1, sie = 0 and
	 * stvec = bench_answered. That handler uses t0 and a2, so sie is set here. It clears sie, so
	 * it does not return to the WFI loop, where the hart would then sleep forever.
	 */
	.globl	bench_ring
	.balign	4
bench_ring:
	csrr	t0, time
1:	csrr	t1, time
	beq	t0, t1, 1b
	csrw	sie, a3
2:	addi	a1, a1, -1
	bnez	a1, 2b
	csrr	t0, time
	sw	zero, 0(a0)
3:	wfi
	j	3b

	.globl	bench_answered
	.balign	4
bench_answered:
	csrr	a0, time
	csrw	sie, zero
	sd	t0, 0(a2)
	la	t1, 4f
	csrw	sepc, t1
	sret
4:	ret

	/*
	 * void op_timer_now(n, arg): n times, set a timer in the past through SBI TIME and wait
	 * until its interrupt's handler sets t0. A host may lose an interrupt (docs/bench.md), so
	 * t1 allows the waiting loop 1000 iterations in total, from the start of the call or from
	 * the last lost interrupt.
	 */
	.globl	op_timer_now
	.balign	4
op_timer_now:
	mv	a3, a0
	li	a7, SBI_EXT_TIME
	li	a6, SBI_TIME_SET_TIMER
	li	t1, 1000
1:	li	a0, 0
	li	t0, 0
	ecall
2:	bnez	t0, 3f
	addi	t1, t1, -1
	bnez	t1, 2b
	la	t1, bench_timers_lost
	li	t0, 1
	amoadd.d zero, t0, (t1)
	li	t1, 1000
3:	addi	a3, a3, -1
	bnez	a3, 1b
	ret

	/*
	 * Handlers for op_timer_now: stop the timer and set t0. One writes stimecmp; the other, for
	 * harts without Sstc, makes an SBI call, for which op_timer_now has set a6 and a7.
	 */
	.globl	bench_timer_own
	.balign	4
bench_timer_own:
	li	t0, -1
	csrw	0x14d, t0
	sret
	.globl	bench_timer_call
	.balign	4
bench_timer_call:
	li	a0, -1
	ecall
	li	t0, 1
	sret
