// SPDX-License-Identifier: MIT
/*
 * trace_native.h - the core's trace events as native tests see them.
 *
 * The rings are the real ones (src/host/trace/trace_ring.c), which also record VM and vCPU.
 */
#ifndef TRACE_NATIVE_H
#define TRACE_NATIVE_H

#include "hv/trace.h"

/* Make fresh rings for `harts`, with these events on ("all"); abort if the list names none. */
void trace_native_start(unsigned int harts, const char *events);
/* The same in the caller's memory, of trace_mem_size() bytes or more. */
void trace_native_start_in(void *mem, size_t size, unsigned int harts, const char *events);
/* The number of records that a hart has written. */
size_t trace_native_written(unsigned int hart);
/* The number of records of this event in all rings since the start. */
size_t trace_native_count(enum trace_event event);
/* The newest record of the event, from any hart, or NULL. Valid until the next event. */
const struct trace_record *trace_native_last(enum trace_event event);
/* A hart enters an event that has a traceoff; then the trigger acts, and the event ends. */
void trace_native_hart_enters(unsigned int hart);
void trace_native_hart_stops_tracing(unsigned int hart);
/* Account exits in this unit: "instret" (then exact), "time"; anything else: not at all. */
void trace_native_account(const char *unit);
/* Write the RAM of a machine with these rings, as QEMU leaves it. Returns 0, or -1 with errno. */
int trace_native_save(const char *path);
/* The rings themselves. */
struct trace_mem *trace_native_mem(void);

#endif
