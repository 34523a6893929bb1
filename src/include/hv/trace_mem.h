// SPDX-License-Identifier: MIT
/*
 * trace_mem.h - the layout of trace memory, which the host writes and hstrace reads, in a machine's
 * RAM or in a copy of trace memory.
 *
 *   +0               struct trace_mem            sizes, and offsets of the other parts
 *   formats_offset   text: events and classes    (trace_formats_write())
 *   harts_offset     one area per hart, hart_stride bytes apart:
 *       +0              struct trace_hart_mem    the ring's control data
 *       stats_offset    struct exit_tally[nr_slots], preceded by EXIT_QUICK_BUCKETS
 *       ring_offset     struct trace_record[ring_records]
 *
 * All fields are little-endian. Trace memory belongs to the host kernel alone: it is never user
 * memory, and so never in a memslot. Record n of a hart is in slot n % ring_records of its ring, so
 * the ring keeps the newest records. With trace.overwrite=0, it keeps the first ones and drops new
 * ones. `head` is the number of records ever written.
 *
 * A reader of a killed machine's RAM can rely on this: `head` is written after the record that it
 * counts, so records head - ring_records + 1 .. head - 1 are complete. The slot of record `head`
 * may be half written.
 */
#ifndef HV_TRACE_MEM_H
#define HV_TRACE_MEM_H

#include "hv/types.h"

#define TRACE_MEM_MAGIC   0x314d454d43525448ULL /* "HTRCMEM1" */
#define TRACE_MEM_VERSION 2 /* 1: struct exit_stat instead of struct exit_tally in memory */
#define TRACE_ARGS        5

/*
 *    0        8         16                            56          60          64
 *   +--------+---------+-----------------------------+-----------+-----------+
 *   | time   | instret | arg[0] .. arg[4]            | seq_event | vm   vcpu |
 *   +--------+---------+-----------------------------+-----------+-----------+
 */
struct trace_record {
	u64 time;    /* of the time CSR */
	u64 instret; /* of the hart that wrote it */
	u64 arg[TRACE_ARGS];
	u32 seq_event; /* the record's number and its event; written last */
	u32 who;       /* vm in the low half (0: none), vcpu in the high half */
};

#define TRACE_EVENT_BITS          10
#define TRACE_MAX_EVENTS          256 /* in was_on */
#define TRACE_SEQ_BITS            22
#define TRACE_SEQ_MASK            ((1U << TRACE_SEQ_BITS) - 1)
#define TRACE_EVENT_OF(seq_event) ((seq_event) & ((1U << TRACE_EVENT_BITS) - 1))
#define TRACE_SEQ_OF(seq_event)   ((seq_event) >> TRACE_EVENT_BITS)
#define TRACE_VM_OF(who)          ((who)&0xffff)
#define TRACE_VCPU_OF(who)        ((who) >> 16)

/*
 * Exit costs, per slot. A slot is a cause (slots 0-31: exceptions, 32-63: interrupts; larger codes
 * share slots 31 and 63) or a class that a handler has set (from 64, hv/exit_class.def). A slot is
 * one page.
 *
 * Histogram: each value below 64 has its own bucket. Above that, every power of two has 32 buckets,
 * so the width of a bucket is at most 1/32 of its values, and the middle of a bucket differs from
 * each of its values by at most 1/64. The last bucket has no upper limit: it counts values from
 * HIST_LIMIT on.
 */
#define EXIT_SLOT_IRQ   32
#define EXIT_SLOT_CLASS 64
#define HIST_SUB_BITS   5
#define HIST_BUCKETS    1016
#define HIST_LIMIT      (55ULL << 30)

enum exit_class {
	EXIT_CLASS_FIRST = EXIT_SLOT_CLASS - 1,
#define EXIT_CLASS(name, title, when) EXIT_##name,
#include "hv/exit_class.def"
#undef EXIT_CLASS
	EXIT_NR_SLOTS
};

struct exit_stat {
	u64 count;    /* all exits, exact */
	u64 unpriced; /* exits without a cost, which are not in the fields below: see trace.h */
	u64 sum;
	u64 max;
	u32 hist[HIST_BUCKETS];
};

/*
 * A slot in trace memory. It has no counter of all exits: exit_stat_count() computes their number
 * from hist, `unpriced` and `wraps`. One comparison with `limit` shows both that a cost does not
 * change `max` and that its bucket is in EXIT_QUICK_BUCKETS.
 */
struct exit_tally {
	u32 wraps; /* how often a counter of hist has gone from 2^32 - 1 to 0 */
	u32 limit; /* the smaller of `max` and EXIT_QUICK - 1 */
	u64 unpriced;
	u64 sum;
	u64 max;
	u32 hist[HIST_BUCKETS];
};

/* The bucket of each cost below EXIT_QUICK is in a table of bytes right before a hart's slots. */
#define EXIT_QUICK                  2048
#define EXIT_QUICK_BUCKETS(tallies) ((unsigned char *)(tallies)-EXIT_QUICK)

/* Return the number of all exits of a slot. */
static inline u64 exit_stat_count(const struct exit_tally *tally)
{
	u64 count = ((u64)tally->wraps << 32) + tally->unpriced;

	for (unsigned int i = 0; i < HIST_BUCKETS; i++)
		count += tally->hist[i];
	return count;
}

enum exit_unit {
	EXIT_UNIT_NONE = 0,    /* exits are not accounted for */
	EXIT_UNIT_INSTRET = 1, /* instructions */
	EXIT_UNIT_TIME = 2,    /* ticks of the time CSR */
};

struct trace_hart_mem {
	u64 head;    /* records ever written */
	u64 dropped; /* records not written because the ring keeps the oldest and was full */
	u64 own[6];  /* private to the host */
};

struct trace_mem {
	u64 magic;
	u32 version;
	u32 header_size; /* sizeof(struct trace_mem) */
	u64 size;        /* of all trace memory */
	u32 nr_harts;
	u32 nr_events;    /* number of events in the formats */
	u32 nr_slots;     /* number of struct exit_tally per hart */
	u32 record_size;  /* sizeof(struct trace_record) */
	u32 stat_size;    /* sizeof(struct exit_tally), which is that of struct exit_stat */
	u32 hist_buckets; /* HIST_BUCKETS */
	u64 formats_offset;
	u64 formats_size;
	u64 harts_offset;
	u64 hart_stride;
	u64 stats_offset; /* inside a hart's area */
	u64 ring_offset;
	u64 ring_records; /* a power of two */
	u64 timebase_hz;
	u64 start_time; /* when tracing was set up; readers show times relative to it */
	u64 start_instret;
	u32 exit_unit;     /* enum exit_unit */
	u32 instret_exact; /* 1: instret counts instructions; 0: host ticks (QEMU, no icount) */
	/* In instructions, as measured at boot; 0: not known. Traces of older hosts end here. */
	u32 record_cost; /* of a record; not part of exit costs, if these are in instructions */
	/* Of the accounting for one exit; if an event has been on, of its long variant (trace.h). */
	u32 account_cost;
	u64 was_on[TRACE_MAX_EVENTS / 64]; /* one bit per event: it has been on */
	/*
	 * 1: not every event that occurred between the first and the last record had to be written:
	 * there was a filter or trigger, tracing_on was 0, full rings kept their oldest records, or
	 * an event was switched off again.
	 */
	u64 selective;
};

#endif
