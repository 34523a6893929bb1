// SPDX-License-Identifier: MIT
/*
 * trace_sample.h - the event `sample`: a timer records where each hart is (trace_sample.c).
 *
 * hv_sample() of hv/host.h is for callers that know where the timer's interrupt was taken, or what
 * was running while the interrupt was pending.
 */
#ifndef TRACE_SAMPLE_H
#define TRACE_SAMPLE_H

#include "hv/host.h"
#include "hv/trace.h"

#define TRACE_SAMPLE_MAX_HZ 100000

/*
 * Call hv_sample() for the kernel, which takes its interrupts at pc; the mode is SAMPLE_IDLE or
 * SAMPLE_HS.
 */
void trace_sample_kernel(unsigned long pc);

/*
 * Set the number of samples per second of each hart. Returns -EINVAL if hz is not in the range 1 to
 * TRACE_SAMPLE_MAX_HZ, or is greater than the timebase frequency. Thread context.
 */
int trace_sample_set_hz(unsigned long hz);
unsigned long trace_sample_hz(void);
/*
 * Start or stop sampling after a change of the events that are on. Thread context, with all harts
 * up.
 */
void trace_sample_changed(void);

#endif
