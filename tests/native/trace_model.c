// SPDX-License-Identifier: MIT
/*
 * trace_model.c - count events, and keep the last one of each kind. All events are on by default.
 *
 * If HS_TRACE is set in the environment, each event is printed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "native.h"
#include "native_host.h"
#include "hv/trace.h"

struct static_key trace_keys[TRACE_NR_EVENTS];
struct static_key trace_group_keys[TRACE_NR_GROUPS];
struct static_key trace_any_key;
struct static_key trace_exit_key, trace_class_key, trace_exit_full_key;

static struct {
	unsigned int count;
	u64 args[5];
} events[TRACE_NR_EVENTS];

static const char *const names[] = {
#define EVENT(name, meaning, behind, ...) [TRACE_##name] = #name,
#include "events.def"
};

void (*native_event_hook)(enum trace_event_nr event, const u64 *args);
static bool printing;

void trace_emit(enum trace_event_nr event, u64 a0, u64 a1, u64 a2, u64 a3, u64 a4)
{
	u64 args[5] = { a0, a1, a2, a3, a4 };
	unsigned int i;

	if (printing)
		fprintf(stderr, "hart %u: %s 0x%llx 0x%llx 0x%llx 0x%llx 0x%llx\n", hv_hart(),
			names[event], a0, a1, a2, a3, a4);
	__atomic_fetch_add(&events[event].count, 1, __ATOMIC_RELAXED);
	for (i = 0; i < 5; i++)
		__atomic_store_n(&events[event].args[i], args[i], __ATOMIC_RELAXED);
	if (native_event_hook)
		native_event_hook(event, args);
}

unsigned int native_events(enum trace_event_nr event)
{
	return events[event].count;
}

const u64 *native_event_args(enum trace_event_nr event)
{
	return events[event].args;
}

void trace_set_vcpu_slow(unsigned int vm, unsigned int vcpu)
{
	(void)vm;
	(void)vcpu;
}

/* Record a sample each time, as if the timer had requested it. */
void hv_sample(unsigned int mode, unsigned long pc)
{
	trace_sample(mode, pc, 1, 1, 0);
}

struct trace_exit_clock *trace_exit_begin_full(struct trace_exit_clock *clock, unsigned long scause)
{
	(void)scause;
	trace_exit_init(clock);
	return clock;
}

void trace_exit_cause_slow(struct trace_exit_clock *clock, unsigned long scause)
{
	(void)clock;
	(void)scause;
}

struct trace_exit_clock *trace_exit_end_full(struct trace_exit_clock *clock)
{
	return clock;
}

void trace_exit_last_slow(struct trace_exit_clock *clock)
{
	trace_exit_init(clock);
}

void trace_exit_load_slow(struct trace_exit_clock *clock)
{
	(void)clock;
}

void trace_exit_settle_slow(struct trace_exit_clock *clock)
{
	(void)clock;
}

struct trace_exit_clock *trace_exit_count_slow(struct trace_exit_clock *clock, u64 cost)
{
	(void)cost;
	return clock;
}

void native_trace_reset(void)
{
	unsigned int i;

	printing = getenv("HS_TRACE") != NULL;
	memset(events, 0, sizeof(events));
	native_event_hook = NULL;
	for (i = 0; i < TRACE_NR_EVENTS; i++)
		trace_keys[i].enabled = 1;
	for (i = 0; i < TRACE_NR_GROUPS; i++)
		trace_group_keys[i].enabled = 1;
	trace_exit_key.enabled = trace_exit_full_key.enabled = 1;
	trace_class_key.enabled = 1;
}

void native_events_off(void)
{
	unsigned int i;

	for (i = 0; i < TRACE_NR_EVENTS; i++)
		trace_keys[i].enabled = 0;
	for (i = 0; i < TRACE_NR_GROUPS; i++)
		trace_group_keys[i].enabled = 0;
}

void native_slow_path_events_off(void)
{
	trace_keys[TRACE_kvm_request].enabled = 0;
	trace_keys[TRACE_kvm_exit_handled].enabled = 0;
	trace_keys[TRACE_kvm_irq_take].enabled = 0;
	trace_group_keys[TRACE_GROUP_slow_path].enabled = 0;
}
