// SPDX-License-Identifier: MIT
/*
 * lab08.S - register functions for lab08.c: those of the payloads `fp` and `vector`, and two more
 */
#include "vector.S"
#include "fp.S"

	/* unsigned long fp_any(void): return the bitwise OR of f0 to f31 and fcsr. */
	.globl	fp_any
fp_any:
	frcsr	a0
	.macro	gather n
	fmv.x.d	t0, f\n
	or	a0, a0, t0
	.endm
	for_all_f gather
	ret

	/* void fp_set_fcsr(value) */
	.globl	fp_set_fcsr
fp_set_fcsr:
	fscsr	a0
	ret
