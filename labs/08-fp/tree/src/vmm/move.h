/* SPDX-License-Identifier: MIT */
/*
 * move.h - move a vCPU to another hart at its guest's request, for the tests of lab 8
 */
#ifndef VMM_MOVE_H
#define VMM_MOVE_H

/* The SBI calls, in an extension that the core forwards to the VMM. */
enum {
	SBI_EXT_MOVE = 0x080008ab,
	MOVE_TO_HART = 0,
	MOVE_KEEP_FP = 1
};

/* Move the calling thread to `hart`. Returns 0 or an SBI error. Does not use FP. */
long move_to_hart(unsigned long hart);
/*
 * Set the calling thread's fs0 and fs11. Returns how many of the two have changed since the
 * thread's previous call.
 */
unsigned long move_keep_fp(void);

#endif
