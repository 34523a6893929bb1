// SPDX-License-Identifier: MIT
/*
 * trace_hart.h - the data a hart needs to write a record, and internal functions of tracing.
 *
 * tests/trace/ring.c defines TRACE_THIS_HART itself, because tp does not identify the hart there.
 */
#ifndef TRACE_HART_H
#define TRACE_HART_H

#include "hv/trace_mem.h"
#ifndef TRACE_THIS_HART
#include "sched/thread.h"
#define TRACE_THIS_HART() this_hart()
#endif

/* struct trace_hart_mem as its hart uses it: all that a record needs, in one cache line. */
struct trace_hart {
	u64 head, dropped;
	struct trace_record *ring;
	u64 mask;
	char *tallies; /* struct exit_tally of each slot; see EXIT_QUICK_BUCKETS */
	u32 who;       /* as in struct trace_record */
	u32 in_slow;   /* nonzero while the hart may be using the rules (trace_control.c) */
	/*
	 * Instructions of one record and of one trace_set_vcpu() (trace_cost.c); 0 if they are not
	 * known, or if exit costs are not in instructions.
	 */
	u32 record_cost, vcpu_cost;
	u64 other_cost; /* instructions of tracing so far, other than record_cost per record */
};

extern struct trace_hart *trace_harts[]; /* NULL before trace_mem_init() */
extern struct trace_mem *trace_mem;      /* likewise */

/*
 * Write the events and classes as text to buf, unless buf is NULL. Returns the length of the text
 * (trace_event.c).
 */
size_t trace_formats_write(char *buf);
/*
 * Return the ring of a hart, which must have one, and set *records to the ring's size in records.
 * Reads nothing from trace memory, which may be damaged.
 */
const struct trace_record *trace_ring_of(unsigned int hart, u64 *records);
/*
 * Set trace_class_key and trace_exit_full_key. `any`: an event is on; `records`: an event whose
 * records end an exit is on.
 */
void trace_set_exit_keys(bool any, bool records);
/* What trace_mem's account_cost becomes once an event is on: the cost of the long variant. */
extern u32 trace_account_full;
/*
 * Instructions of an event on the slow path that trace_emit_slow() does not see: of the site, of
 * trace_emit.S, and of its own prologue and epilogue.
 */
extern u64 trace_slow_frame;
/*
 * Measure what a record and the accounting for an exit cost on this machine, and store both in
 * trace memory, if instret counts instructions. Called at boot, while every event is off.
 */
void trace_measure_costs(void);
/* Write a record into the hart's own ring: the C twin of trace_emit.S. */
void trace_write(struct trace_hart *th, unsigned int event, const u64 *args);

#endif
