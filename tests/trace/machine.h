// SPDX-License-Identifier: MIT
/*
 * machine.h - a model of the hart state that trace_ring.c reads, for tests on the build machine.
 */
#ifndef TESTS_TRACE_MACHINE_H
#define TESTS_TRACE_MACHINE_H

struct machine {
	unsigned int hart;
	unsigned long time;
	unsigned long instret;
	void (*relax)(void); /* called by hv_cpu_relax(), unless NULL */
};

extern struct machine machine;

#endif
