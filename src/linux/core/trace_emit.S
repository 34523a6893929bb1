/* SPDX-License-Identifier: MIT */
/*
 * trace_emit.S - emit an event: the common half of every trace_NAME() of hv/trace.h.
 *
 * Entry: t0 return address, a7 event, t2-t6 arguments; interrupts off.
 * Exit:  all registers but t1 and a4-a6 are preserved.
 */
#include "hv/trace_emit.h"

	.text
	.globl	trace_emit_record
trace_emit_record:
	trace_emit_call events_emit
	jr	t0
