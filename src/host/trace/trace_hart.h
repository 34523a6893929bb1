// SPDX-License-Identifier: MIT
/*
 * trace_hart.h - what a hart needs to write a record; for trace_ring.c, trace_emit.S.
 *
 * TRACE_THIS_HART is defined by tests/trace/ring.c, where a hart is not what tp says.
 */
#ifndef TRACE_HART_H
#define TRACE_HART_H

#include "hv/trace_mem.h"
#ifndef TRACE_THIS_HART
#include "sched/thread.h"
#define TRACE_THIS_HART() this_hart()
#endif

/* struct trace_hart_mem as its hart sees it: one line of trace memory for all that a record needs. */
struct trace_hart {
	u64 head, dropped;
	struct trace_record *ring;
	u64 mask;
	struct exit_stat *stats;
	u32 who;     /* as in struct trace_record */
	u32 in_slow; /* trace_control.c: may be looking at rules */
	u64 reserved[2];
};

extern struct trace_hart *trace_harts[]; /* NULL before trace_mem_init() */
extern struct trace_mem *trace_mem;      /* as well */

/* The events and classes as text, to buf unless that is NULL; its length (trace_event.c). */
size_t trace_formats_write(char *buf);
/* The ring of a hart that has one, and how many records it holds: not by what trace memory says. */
const struct trace_record *trace_ring_of(unsigned int hart, u64 *records);
/* Who wants an exit's class or end, besides the accounting: records of it, samples. */
void trace_set_exit_keys(bool records, bool samples);
/* A record into the hart's own ring: the C twin of trace_emit.S. */
void trace_write(struct trace_hart *th, unsigned int event, const u64 *args);

#endif
