/* SPDX-License-Identifier: MIT */
/*
 * trace_emit.S - one record into this hart's ring: the slow half of every trace_NAME().
 *
 * Called from inline assembly (hv/trace.h) by t0, so that a site costs its function
 * neither a frame nor registers while it is off.
 *
 * Entry: t0 return address, t1 event, t2-t6 arguments, tp thread; interrupts off.
 * Exit:  everything as before but a4-a7. 31 instructions. C twin: tests/trace/ring.c
 */
#include "host_offsets.h"

	.text
	.globl	trace_emit_record
trace_emit_record:
	/* Step 1: a5 = this hart's struct trace_hart, a7 = the record's number, a4 = the record. */
	lw	a4, THREAD_hart(tp)
	la	a5, trace_harts
	slli	a4, a4, 6		/* TRACE_HART_SHIFT */
	add	a5, a5, a4
	ld	a6, TRACE_HART_mem(a5)
	ld	a4, TRACE_HART_mask(a5)
	ld	a7, 0(a6)		/* head */
	ld	a6, TRACE_HART_ring(a5)
	and	a4, a4, a7
	slli	a4, a4, 6		/* sizeof(struct trace_record) */
	add	a4, a4, a6

	/* Step 2: when, who, what. */
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

	/* Step 3: number and head last: who finds them in RAM finds the record whole. */
	slli	a6, a7, 10		/* TRACE_EVENT_BITS */
	or	a6, a6, t1
	fence	w, w
	sw	a6, 56(a4)
	ld	a5, TRACE_HART_mem(a5)
	addi	a7, a7, 1
	sd	a7, 0(a5)
	jr	t0
