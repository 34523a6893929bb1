// SPDX-License-Identifier: MIT
/*
 * machine.h - the state of a hart that trace_ring.c reads, in a model for tests on the build
 * machine.
 */
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
