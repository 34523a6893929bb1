// SPDX-License-Identifier: MIT
/*
 * trace_native.h - what native tests see of the core's trace events.
 *
 * The rings are the real ones (src/host/trace/trace_ring.c); VM and vCPU come with them.
 */
#ifndef TRACE_NATIVE_H
#define TRACE_NATIVE_H

#include "hv/trace.h"

/* Fresh rings for `harts`, and these events on ("all"); aborts if the list names none. */
void trace_native_start(unsigned int harts, const char *events);
/* The same in memory of the caller's, trace_mem_size() bytes or more. */
void trace_native_start_in(void *mem, size_t size, unsigned int harts, const char *events);
/* Records that a hart has written. */
size_t trace_native_written(unsigned int hart);
/* Records of this event in all rings since the start. */
size_t trace_native_count(enum trace_event event);
/* The newest one, of the hart that has one; NULL: none. Valid until the next event. */
const struct trace_record *trace_native_last(enum trace_event event);
/* A hart is in the middle of an event that has a traceoff; and the trigger acts, and it is done. */
void trace_native_hart_enters(unsigned int hart);
void trace_native_hart_stops_tracing(unsigned int hart);
/* Exits accounted in this unit: "instret" (which is then exact), "time"; anything else: not at all. */
void trace_native_account(const char *unit);
/* The RAM of a machine with these rings, as QEMU leaves it; 0, or -1 with errno. */
int trace_native_save(const char *path);
/* The rings themselves. */
struct trace_mem *trace_native_mem(void);

#endif
