// SPDX-License-Identifier: MIT
/* machine.h - the build machine as harts: the hardware state that trace_ring.c reads. */
#ifndef TESTS_TRACE_MACHINE_H
#define TESTS_TRACE_MACHINE_H

struct machine {
	unsigned int hart;
	unsigned long time;
	unsigned long instret;
	void (*relax)(void); /* called while a thread spins; may be NULL */
};

extern struct machine machine;

#endif
