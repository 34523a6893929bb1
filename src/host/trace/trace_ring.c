// SPDX-License-Identifier: MIT
/*
 * trace_ring.c - trace memory: per-hart rings of records, and the costs of exits.
 *
 * Invariant: each hart writes only its own ring and statistics, with interrupts off, so no ring
 * ever has a second writer, and none needs a lock. A full ring overwrites its oldest records,
 * unless trace.overwrite=0 (trace_control.c). `head` in trace memory counts every record ever
 * written, so a reader knows exactly how many are lost. hv/trace_mem.h describes the layout, and
 * what a reader of a killed machine's memory can rely on. This file is also compiled for the build
 * machine (tests/trace). Documentation: docs/trace.md
 */
#include "hv/trace.h"
#include <asm-generic/errno.h>
#include <string.h>
#include "hv/host.h"
#include "trace_hart.h"

struct trace_hart *trace_harts[HV_MAX_HARTS];
struct trace_mem *trace_mem;
static u64 ring_records; /* a copy: a bug may overwrite the original in trace memory */

struct static_key trace_exit_key, trace_class_key, trace_exit_full_key;
u32 trace_account_full;
static struct static_key trace_exit_time_key; /* exit costs are measured in time, not instret */

_Static_assert(TRACE_NR_EVENTS <= 1 << TRACE_EVENT_BITS, "an event number has 10 bits");
_Static_assert(TRACE_NR_EVENTS <= TRACE_MAX_EVENTS, "each event has a bit in was_on");
_Static_assert(sizeof(struct trace_record) == 64, "a record is one cache line");
_Static_assert(sizeof(struct trace_hart) == sizeof(struct trace_hart_mem), "the same memory");
_Static_assert(sizeof(struct exit_tally) == PAGE_SIZE,
	       "TRACE_EXIT_OFFSET() is a shift, or one lui");
_Static_assert(sizeof(struct exit_stat) == sizeof(struct exit_tally), "hstrace converts in place");
_Static_assert(sizeof(struct trace_hart_mem) + EXIT_QUICK <= PAGE_SIZE, "both before the slots");

static inline struct trace_hart *my_trace(void)
{
	return trace_harts[(int)TRACE_THIS_HART()]; /* signed, as lw loads it */
}

void trace_set_vcpu_slow(unsigned int vm, unsigned int vcpu)
{
	struct trace_hart *th = my_trace();

	th->who = (vm & 0xffff) | vcpu << 16;
	th->other_cost += th->vcpu_cost;
}

void trace_write(struct trace_hart *th, unsigned int event, const u64 *args)
{
	u64 number = th->head;
	struct trace_record *r = &th->ring[number & th->mask];

	r->time = csr_time();
	r->instret = csr_instret();
	for (unsigned int i = 0; i < TRACE_ARGS; i++)
		r->arg[i] = args[i];
	r->who = th->who;
	/*
	 * Store the number and the head last: a reader of RAM that finds them also finds the
	 * complete record.
	 */
	__atomic_store_n(&r->seq_event, (u32)number << TRACE_EVENT_BITS | event, __ATOMIC_RELEASE);
	__atomic_store_n(&th->head, number + 1, __ATOMIC_RELEASE);
}

/* ---- exits -------------------------------------------------------------------- */

/* The offset of a hart's slots in its area of trace memory, which begins with struct trace_hart. */
static inline u64 stats_offset(void)
{
	return ALIGN_UP(sizeof(struct trace_hart_mem) + EXIT_QUICK, PAGE_SIZE);
}

/* Return the hart on which the clock's vCPU was last loaded. */
static inline struct trace_hart *hart_of(const struct trace_exit_clock *clock)
{
	return (struct trace_hart *)(clock->tallies - stats_offset());
}

static inline u64 exit_now(void)
{
	STATIC_KEY_GOTO(&trace_exit_time_key, time);
	return csr_instret();
time:
	return csr_time();
}

/*
 * Return the instructions that tracing has taken on this hart. Exit costs leave them out, so that a
 * cost does not depend on which events are on. 0 if costs are not in instructions.
 */
static inline u64 spent_on_tracing(const struct trace_hart *th)
{
	return th->head * th->record_cost + th->other_cost;
}

void trace_exit_load_slow(struct trace_exit_clock *clock)
{
	struct trace_hart *th = my_trace();

	if (clock->tallies == th->tallies)
		return;
	clock->tallies = th->tallies;
	clock->spent = spent_on_tracing(th);
	if (!trace_exit_time_key.enabled && clock->start != TRACE_EXIT_NONE)
		clock->start = TRACE_EXIT_MOVED;
}

void trace_exit_cause_slow(struct trace_exit_clock *clock, unsigned long scause)
{
	unsigned long slot = scause & ~CAUSE_IRQ_FLAG;

	if (slot >= EXIT_SLOT_IRQ)
		slot = EXIT_SLOT_IRQ - 1;
	clock->offset = TRACE_EXIT_OFFSET(scause & CAUSE_IRQ_FLAG ? slot + EXIT_SLOT_IRQ : slot);
}

struct trace_exit_clock *trace_exit_begin_full(struct trace_exit_clock *clock, unsigned long scause)
{
	clock->spent = spent_on_tracing(hart_of(clock));
	if (__builtin_expect(scause < EXIT_SLOT_IRQ, 1))
		clock->offset = TRACE_EXIT_OFFSET(scause);
	else
		trace_exit_cause_slow(clock, scause);
	__asm__ volatile("" : : : "memory");
	clock->start = exit_now();
	return clock;
}

unsigned long trace_hist_bucket(u64 value)
{
	unsigned long shift = 0;

	if (value >= HIST_LIMIT)
		return HIST_BUCKETS - 1;
	while (value >> shift >= 2U << HIST_SUB_BITS)
		shift++;
	return (shift << HIST_SUB_BITS) + (unsigned long)(value >> shift);
}

struct trace_exit_clock *trace_exit_count_slow(struct trace_exit_clock *clock, u64 cost)
{
	struct exit_tally *tally = (struct exit_tally *)(clock->tallies + clock->offset);

	if (cost >> 63) {
		tally->unpriced += clock->start != TRACE_EXIT_NONE;
		return clock;
	}
	if (cost > tally->max)
		tally->max = cost;
	tally->limit = tally->max < EXIT_QUICK ? (u32)tally->max : EXIT_QUICK - 1;
	tally->sum += cost;
	if (!++tally->hist[trace_hist_bucket(cost)])
		tally->wraps++;
	return clock;
}

static inline struct trace_exit_clock *end_full(struct trace_exit_clock *clock, u64 now)
{
	const struct trace_hart *th = hart_of(clock);
	u64 spent = spent_on_tracing(th), cost = now - clock->start - (spent - clock->spent);

	clock->spent = spent;
	if (trace_kvm_exit_cost_enabled() && !(cost >> 63)) {
		trace_kvm_exit_cost(trace_exit_class_of(clock), cost, clock->start);
		clock->spent = spent_on_tracing(th);
	}
	return trace_exit_count(clock, cost);
}

struct trace_exit_clock *trace_exit_end_full(struct trace_exit_clock *clock)
{
	return end_full(clock, exit_now());
}

struct trace_exit_clock *trace_exit_end_fast_full(struct trace_exit_clock *clock,
						  unsigned long offset, u64 instret)
{
	clock->offset = offset;
	return end_full(clock, trace_exit_time_key.enabled ? csr_time() : instret);
}

struct trace_exit_clock *trace_exit_end_fast(struct trace_exit_clock *clock, unsigned long offset,
					     u64 instret)
{
	clock->offset = offset;
	return trace_exit_count(clock, instret - clock->start);
}

void trace_exit_settle_slow(struct trace_exit_clock *clock)
{
	u64 spent = spent_on_tracing(hart_of(clock));

	if (trace_any_key.enabled)
		return;
	if (clock->start < TRACE_EXIT_NONE)
		clock->start += spent - clock->spent;
	clock->spent = spent;
}

void trace_exit_last_slow(struct trace_exit_clock *clock)
{
	struct exit_tally *tally = (struct exit_tally *)(my_trace()->tallies + clock->offset);

	tally->unpriced += clock->start != TRACE_EXIT_NONE;
	clock->start = TRACE_EXIT_NONE;
}

/* ---- set-up -------------------------------------------------------------------- */

static u64 ring_offset(void)
{
	return ALIGN_UP(stats_offset() + EXIT_NR_SLOTS * sizeof(struct exit_tally), PAGE_SIZE);
}

static u64 harts_offset(void)
{
	return ALIGN_UP(sizeof(struct trace_mem) + trace_formats_write(NULL), PAGE_SIZE);
}

size_t trace_mem_size(unsigned int nr_harts, size_t ring)
{
	return harts_offset() + nr_harts * (ring_offset() + ALIGN_UP(ring, PAGE_SIZE));
}

const struct trace_record *trace_ring_of(unsigned int hart, u64 *records)
{
	*records = ring_records;
	return (const struct trace_record *)((const char *)trace_harts[hart] + ring_offset());
}

static void hart_init(unsigned int hart, struct trace_mem *mem)
{
	char *area = (char *)mem + mem->harts_offset + hart * mem->hart_stride;
	struct trace_hart *th = (struct trace_hart *)area;

	memset(area, 0, mem->ring_offset); /* the rings need no clearing: head is 0 */
	th->tallies = area + mem->stats_offset;
	for (unsigned int cost = 0; cost < EXIT_QUICK; cost++)
		EXIT_QUICK_BUCKETS(th->tallies)[cost] = (u8)trace_hist_bucket(cost);
	th->ring = (struct trace_record *)(area + mem->ring_offset);
	th->mask = mem->ring_records - 1;
	trace_harts[hart] = th;
}

int trace_mem_init(void *memory, size_t size, unsigned int nr_harts, unsigned long timebase_hz,
		   bool instret_exact)
{
	struct trace_mem *mem = memory;
	u64 stride, room;

	if (!nr_harts || nr_harts > HV_MAX_HARTS || size < trace_mem_size(nr_harts, PAGE_SIZE))
		return -EINVAL;
	stride = ALIGN_DOWN((size - harts_offset()) / nr_harts, PAGE_SIZE);
	room = (stride - ring_offset()) / sizeof(struct trace_record);

	memset(mem, 0, sizeof(*mem));
	mem->version = TRACE_MEM_VERSION;
	mem->header_size = sizeof(*mem);
	mem->size = size;
	mem->nr_harts = nr_harts;
	mem->nr_events = TRACE_NR_EVENTS;
	mem->nr_slots = EXIT_NR_SLOTS;
	mem->record_size = sizeof(struct trace_record);
	mem->stat_size = sizeof(struct exit_tally);
	mem->hist_buckets = HIST_BUCKETS;
	mem->formats_offset = sizeof(*mem);
	mem->formats_size = trace_formats_write((char *)(mem + 1));
	mem->harts_offset = harts_offset();
	mem->hart_stride = stride;
	mem->stats_offset = stats_offset();
	mem->ring_offset = ring_offset();
	mem->ring_records = 1;
	while (mem->ring_records * 2 <= room)
		mem->ring_records *= 2;
	mem->timebase_hz = timebase_hz;
	mem->instret_exact = instret_exact;
	mem->start_time = csr_time();
	mem->start_instret = csr_instret();
	ring_records = mem->ring_records;
	for (unsigned int i = 0; i < nr_harts; i++)
		hart_init(i, mem);
	mem->magic = TRACE_MEM_MAGIC; /* stored last: a reader that finds it also finds the rest */
	trace_mem = mem;
	return 0;
}

void trace_set_exit_keys(bool any, bool records)
{
	static_key_set(&trace_class_key, trace_exit_key.enabled || records);
	static_key_set(&trace_exit_full_key, any || trace_exit_time_key.enabled);
	if (any)
		trace_mem->account_cost = trace_account_full;
}

void trace_exit_account(enum exit_unit unit)
{
	if (!trace_mem)
		return;
	static_key_set(&trace_exit_key, false);
	static_key_set(&trace_exit_time_key, unit == EXIT_UNIT_TIME);
	trace_mem->exit_unit = unit;
	static_key_set(&trace_exit_key, unit != EXIT_UNIT_NONE);
	trace_set_exit_keys(trace_any_key.enabled,
			    trace_keys[TRACE_kvm_entry].enabled ||
				    trace_keys[TRACE_kvm_userspace_exit].enabled);
}
