// SPDX-License-Identifier: MIT
/* machine.h - the build machine as harts: what trace_ring.c reads of the hardware. */
#ifndef TESTS_TRACE_MACHINE_H
#define TESTS_TRACE_MACHINE_H

struct machine {
	unsigned int hart;
	unsigned long time;
	unsigned long instret;
	void (*relax)(void); /* somebody spins; NULL: nothing happens meanwhile */
};

extern struct machine machine;

#endif
