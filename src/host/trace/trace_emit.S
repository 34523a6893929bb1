/* SPDX-License-Identifier: MIT */
/*
 * trace_emit.S - write one record into this hart's ring: the common half of every trace_NAME().
 *
 * Called from inline assembly (hv/trace.h) through t0, so that a function with a site needs neither
 * a frame nor saved registers while the site is off.
 *
 * Entry: t0 return address, a7 event, t2-t6 arguments, tp thread; interrupts off.
 * Exit:  all registers but t1 and a4-a6 are preserved. 31 instructions. C twin: trace_write()
 */
#include "hv/static_key.h"
#include "hv/trace_emit.h"
#include "host_offsets.h"

	.text
	.globl	trace_emit_record
trace_emit_record:
	static_key_goto trace_slow_key, slow

	/* Step 1: a5 = this hart's struct trace_hart, t1 = the record's number, a4 = the record. */
	lw	a4, THREAD_hart(tp)
	la	a5, trace_harts
	slli	a4, a4, 3
	add	a5, a5, a4
	ld	a5, 0(a5)
	ld	a4, TRACE_HART_mask(a5)
	ld	t1, 0(a5)		/* head */
	ld	a6, TRACE_HART_ring(a5)
	and	a4, a4, t1
	slli	a4, a4, 6		/* sizeof(struct trace_record) */
	add	a4, a4, a6

	/* Step 2: time, instret, arguments, VM and vCPU. */
	rdtime	a6
	sd	a6, 0(a4)
	rdinstret a6
	sd	a6, 8(a4)
	lw	a6, TRACE_HART_who(a5)
	sd	t2, 16(a4)
	sd	t3, 24(a4)
	sd	t4, 32(a4)
	sd	t5, 40(a4)
	sd	t6, 48(a4)
	sw	a6, 60(a4)

	/* Step 3: number and head last. A reader of RAM that finds them finds a complete record. */
	slli	a6, t1, 10		/* TRACE_EVENT_BITS */
	or	a6, a6, a7
	fence	w, w
	sw	a6, 56(a4)
	addi	t1, t1, 1
	sd	t1, 0(a5)
	jr	t0

	/*
	 * Filters, triggers, tracing_on=0 and rings that keep their oldest records are left to C
	 * (trace_control.c).
	 */
slow:
	trace_emit_call trace_emit_slow
	jr	t0
