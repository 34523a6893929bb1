// SPDX-License-Identifier: MIT
/*
 * trace.c - the keys of all events.
 *
 * They cannot be switched on yet, so the functions below are never called.
 */
#include "hv/host.h"
#include "hv/trace.h"

struct static_key trace_keys[TRACE_NR_EVENTS];
struct static_key trace_group_keys[TRACE_NR_GROUPS];
struct static_key trace_any_key, trace_exit_key, trace_exit_full_key, trace_class_key;

void trace_set_vcpu_slow(unsigned int vm, unsigned int vcpu)
{
	(void)vm;
	(void)vcpu;
}

struct trace_exit_clock *trace_exit_begin_full(struct trace_exit_clock *clock, unsigned long scause)
{
	(void)scause;
	return clock;
}

struct trace_exit_clock *trace_exit_end_full(struct trace_exit_clock *clock)
{
	return clock;
}

void trace_exit_cause_slow(struct trace_exit_clock *clock, unsigned long scause)
{
	(void)clock;
	(void)scause;
}

void trace_exit_last_slow(struct trace_exit_clock *clock)
{
	(void)clock;
}

void trace_exit_load_slow(struct trace_exit_clock *clock)
{
	(void)clock;
}

void trace_exit_settle_slow(struct trace_exit_clock *clock)
{
	(void)clock;
}

struct trace_exit_clock *trace_exit_end_fast(struct trace_exit_clock *clock, unsigned long offset,
					     u64 instret)
{
	(void)offset;
	(void)instret;
	return clock;
}

struct trace_exit_clock *trace_exit_end_fast_full(struct trace_exit_clock *clock,
						  unsigned long offset, u64 instret)
{
	(void)offset;
	(void)instret;
	return clock;
}

struct trace_exit_clock *trace_exit_count_slow(struct trace_exit_clock *clock, u64 cost)
{
	(void)cost;
	return clock;
}

__asm__(".globl trace_emit_record\ntrace_emit_record: jr t0\n");
