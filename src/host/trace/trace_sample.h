// SPDX-License-Identifier: MIT
/*
 * trace_sample.h - the event `sample`: where each hart is, asked by a timer (trace_sample.c).
 *
 * hv_sample() of hv/host.h is for who knows where an interrupt was taken, or what has been on its
 * way while it could not be.
 */
#ifndef TRACE_SAMPLE_H
#define TRACE_SAMPLE_H

#include "hv/host.h"
#include "hv/trace.h"

#define TRACE_SAMPLE_MAX_HZ 100000

/* As hv_sample(), of the kernel, which takes its interrupts at pc: it is idle, or is not. */
void trace_sample_kernel(unsigned long pc);

/* Samples a second of each hart, 1 to TRACE_SAMPLE_MAX_HZ; -EINVAL. A thread's context. */
int trace_sample_set_hz(unsigned long hz);
unsigned long trace_sample_hz(void);
/* The event may have been switched: harts begin or end. A thread's context, all harts up. */
void trace_sample_changed(void);

#endif
