/* SPDX-License-Identifier: MIT */
/*
 * move.h - a guest's vCPU goes to another hart when it likes, for the tests of lab 8.
 */
#ifndef VMM_MOVE_H
#define VMM_MOVE_H

/* The SBI calls, of an extension that the core leaves to the VMM: to hart a0; FP is kept? */
enum {
	SBI_EXT_MOVE = 0x080008ab,
	MOVE_TO_HART = 0,
	MOVE_KEEP_FP = 1
};

/* The calling thread goes there; 0 or an SBI error. It uses no FP. */
long move_to_hart(unsigned long hart);
/* It does here: how many of its own FP registers have changed since its last call. */
unsigned long move_keep_fp(void);

#endif
