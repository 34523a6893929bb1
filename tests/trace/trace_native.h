// SPDX-License-Identifier: MIT
/*
 * trace_native.h - record the core's trace events in native tests, and read the records.
 *
 * The rings are the host's own (src/host/trace/trace_ring.c), so records also contain the VM and
 * the vCPU.
 */
#ifndef TRACE_NATIVE_H
#define TRACE_NATIVE_H

#include "hv/trace.h"

/*
 * Make empty rings for `harts` harts, with the listed events turned on. Aborts if the list is
 * invalid.
 */
void trace_native_start(unsigned int harts, const char *events);
/* Like trace_native_start(), in the caller's memory of at least trace_mem_size() bytes. */
void trace_native_start_in(void *mem, size_t size, unsigned int harts, const char *events);
/* Return the number of records that a hart has written. */
size_t trace_native_written(unsigned int hart);
/* Return the number of the event's records that all harts have written since the start. */
size_t trace_native_count(enum trace_event_nr event);
/*
 * Return the event's newest record on the first hart that has one, or NULL. The record is valid
 * until the next event.
 */
const struct trace_record *trace_native_last(enum trace_event_nr event);
/* Let a hart begin an event with a traceoff trigger; then let it stop tracing and end the event. */
void trace_native_hart_enters(unsigned int hart);
void trace_native_hart_stops_tracing(unsigned int hart);
/*
 * Account exits in this unit: "instret" (marked exact) or "time". Any other unit stops accounting.
 */
void trace_native_account(const char *unit);
/* Begin or end an exit on the current hart, if exits are accounted for, as KVM_RUN's loop does. */
void trace_native_begin(struct trace_exit_clock *clock, unsigned long scause);
void trace_native_end(struct trace_exit_clock *clock);
/* Let a record cost this many instructions, on each hart. */
void trace_native_record_cost(u32 instructions);
/* Write a RAM file with these rings, as QEMU leaves it. Returns 0, or -1 with errno set. */
int trace_native_save(const char *path);
/* Return the memory of the rings. */
struct trace_mem *trace_native_mem(void);

#endif
