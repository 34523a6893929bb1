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
.macro	trace_emit_call function
	addi	sp, sp, -96
	.irp	r, 0, 1, 2, 3
	sd	a\r, (8 * \r)(sp)
	.endr
	.irp	r, 2, 3, 4, 5, 6
	sd	t\r, (16 + 8 * \r)(sp)
	.endr
	sd	a7, 72(sp)
	sd	t0, 80(sp)
	sd	ra, 88(sp)
	mv	a0, a7
	mv	a1, t2
	mv	a2, t3
	mv	a3, t4
	mv	a4, t5
	mv	a5, t6
	call	\function
	.irp	r, 0, 1, 2, 3
	ld	a\r, (8 * \r)(sp)
	.endr
	.irp	r, 2, 3, 4, 5, 6
	ld	t\r, (16 + 8 * \r)(sp)
	.endr
	ld	a7, 72(sp)
	ld	t0, 80(sp)
	ld	ra, 88(sp)
	addi	sp, sp, 96
	.endm
/* clang-format on */

#endif
