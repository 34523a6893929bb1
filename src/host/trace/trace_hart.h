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

#define TRACE_HART_SHIFT 6 /* one cache line, found by the hart's index */

struct trace_hart {
	struct trace_record *ring;
	u64 mask;
	struct trace_hart_mem *mem;
	struct exit_stat *stats;
	u32 who; /* as in struct trace_record */
} __attribute__((aligned(1 << TRACE_HART_SHIFT)));

extern struct trace_hart trace_harts[];

#endif
