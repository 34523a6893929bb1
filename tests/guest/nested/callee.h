// SPDX-License-Identifier: MIT
/* callee.h - for world switches: the registers that a called function has to keep. */
#ifndef TESTS_NESTED_CALLEE_H
#define TESTS_NESTED_CALLEE_H

	/* Save (sd) or load (ld) ra, s0 to s11, gp and tp at sp, in 120 bytes. */
	.macro	callee_registers insn
	\insn	ra, 0(sp)
	.irp	n, 0,1,2,3,4,5,6,7,8,9,10,11
	\insn	s\n, 8 + 8 * \n(sp)
	.endr
	\insn	gp, 104(sp)
	\insn	tp, 112(sp)
	.endm

#endif
