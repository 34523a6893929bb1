/* SPDX-License-Identifier: MIT */
/*
 * trace_emit.h - the macro trace_emit_call, with which trace_emit_record calls a C function with an
 * event's number and arguments.
 *
 * Entry: a7 event, t2-t6 arguments. All registers but t1 and a4-a6 are preserved.
 */
#ifndef HV_TRACE_EMIT_H
#define HV_TRACE_EMIT_H

/* clang-format off */
/* Store (insn: sd) or load (insn: ld) the registers that C may change and the caller needs. */
.macro	trace_emit_registers insn
	.irp	r, 0, 1, 2, 3
	\insn	a\r, (8 * \r)(sp)
	.endr
	.irp	r, 2, 3, 4, 5, 6
	\insn	t\r, (16 + 8 * \r)(sp)
	.endr
	\insn	a7, 72(sp)
	\insn	t0, 80(sp)
	\insn	ra, 88(sp)
	.endm

.macro	trace_emit_call function
	addi	sp, sp, -96
	trace_emit_registers sd
	mv	a0, a7
	mv	a1, t2
	mv	a2, t3
	mv	a3, t4
	mv	a4, t5
	mv	a5, t6
	call	\function
	trace_emit_registers ld
	addi	sp, sp, 96
	.endm
/* clang-format on */

#endif
