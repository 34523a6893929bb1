// SPDX-License-Identifier: MIT
/*
 * ring.c - compile the host's trace rings for the build machine, and give tests access to them.
 *
 * hv_hart() selects the hart. trace_emit() replaces trace_emit.S.
 */
#include "hv/host.h"
#define TRACE_THIS_HART() hv_hart()
#include "../../src/host/trace/trace_ring.c"
#include "../../src/host/trace/trace_event.c"
#include "../../src/host/trace/trace_filter.c"
#include "../../src/host/trace/trace_control.c"
#include "../../src/host/trace/trace_dump.c"

#include <stdio.h>
#include <stdlib.h>
#include "hv/run_desc.h"
#include "trace_native.h"

#define NATIVE_RING (4096 * sizeof(struct trace_record))
#define RAM_BASE    0x80000000UL
#define IMAGE       0x80200000UL
#define TRACE_HPA   0x80400000UL

static void *native_mem;

void trace_native_start(unsigned int harts, const char *list)
{
	size_t size = trace_mem_size(harts, NATIVE_RING);

	/*
	 * Free the old memory only after trace_native_start_in(), which turns off the events that
	 * use it.
	 */
	void *before = native_mem;

	native_mem = aligned_alloc(PAGE_SIZE, ALIGN_UP(size, PAGE_SIZE));
	if (!native_mem)
		abort();
	trace_native_start_in(native_mem, size, harts, list);
	free(before);
}

void trace_native_start_in(void *mem, size_t size, unsigned int harts, const char *list)
{
	const char *bad;

	if ((trace_mem && trace_select("none", &bad)) ||
	    trace_mem_init(mem, size, harts, 10000000, false) || trace_select(list, &bad))
		abort();
}

struct trace_mem *trace_native_mem(void)
{
	return trace_mem;
}

void trace_native_account(const char *unit)
{
	trace_mem->instret_exact = !strcmp(unit, "instret");
	trace_exit_account(!strcmp(unit, "instret") ? EXIT_UNIT_INSTRET
			   : !strcmp(unit, "time")  ? EXIT_UNIT_TIME
						    : EXIT_UNIT_NONE);
}

void trace_native_begin(struct trace_exit_clock *clock, unsigned long scause)
{
	trace_exit_load(clock);
	if (trace_exit_on() && trace_exit_is_full())
		trace_exit_begin_full(clock, scause);
	else if (trace_exit_on())
		trace_exit_begin_short(clock, scause);
	if (scause >= EXIT_SLOT_IRQ)
		trace_exit_cause(clock, scause);
}

void trace_native_end(struct trace_exit_clock *clock)
{
	trace_exit_load(clock);
	if (trace_exit_on() && trace_exit_is_full())
		trace_exit_end_full(clock);
	else if (trace_exit_on())
		trace_exit_end_short(clock);
}

void trace_native_record_cost(u32 instructions)
{
	for (unsigned int hart = 0; hart < trace_mem->nr_harts; hart++)
		trace_harts[hart]->record_cost = instructions;
}

static bool put_at(FILE *out, unsigned long hpa, const void *data, size_t size)
{
	return !fseek(out, (long)(hpa - RAM_BASE), SEEK_SET) && fwrite(data, 1, size, out) == size;
}

int trace_native_save(const char *path)
{
	const struct hs_run_desc desc = {
		.magic = HS_RUN_DESC_MAGIC,
		.version = HS_RUN_DESC_VERSION,
		.trace_hpa = TRACE_HPA,
		.trace_size = trace_mem->size,
	};
	FILE *out = fopen(path, "wb");
	bool put;

	if (!out)
		return -1;
	put = put_at(out, IMAGE + HS_RUN_DESC_OFFSET, &desc, sizeof(desc)) &&
	      put_at(out, TRACE_HPA, trace_mem, trace_mem->size);
	return fclose(out) || !put ? -1 : 0;
}

void trace_emit(enum trace_event_nr event, u64 a0, u64 a1, u64 a2, u64 a3, u64 a4)
{
	if (trace_slow_key.enabled)
		trace_emit_slow(event, a0, a1, a2, a3, a4);
	else
		trace_write(my_trace(), event, (const u64[TRACE_ARGS]){ a0, a1, a2, a3, a4 });
}

static const struct trace_record *record(unsigned int hart, u64 n)
{
	return &trace_harts[hart]->ring[n & trace_harts[hart]->mask];
}

size_t trace_native_written(unsigned int hart)
{
	return trace_harts[hart]->head;
}

size_t trace_native_count(enum trace_event_nr event)
{
	size_t count = 0;

	for (unsigned int hart = 0; hart < trace_mem->nr_harts; hart++)
		for (u64 n = 0; n < trace_harts[hart]->head; n++)
			count += TRACE_EVENT_OF(record(hart, n)->seq_event) == event;
	return count;
}

const struct trace_record *trace_native_last(enum trace_event_nr event)
{
	for (unsigned int hart = 0; hart < trace_mem->nr_harts; hart++)
		for (u64 n = trace_harts[hart]->head; n-- > 0;)
			if (TRACE_EVENT_OF(record(hart, n)->seq_event) == event)
				return record(hart, n);
	return NULL;
}

void trace_native_hart_enters(unsigned int hart)
{
	trace_harts[hart]->in_slow = 1;
}

void trace_native_hart_stops_tracing(unsigned int hart)
{
	WRITE_ONCE(on, false);
	trace_harts[hart]->in_slow = 0;
}
