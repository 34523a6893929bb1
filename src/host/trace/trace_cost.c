// SPDX-License-Identifier: MIT
/*
 * trace_cost.c - measure what tracing itself costs: a record, trace_set_vcpu(), and the accounting
 * for one exit.
 *
 * Exit costs in instructions leave out all three: spent_on_tracing() (trace_ring.c) subtracts the
 * first two, and the accounting lies outside the interval. Sites differ in how they compute their
 * arguments, so the cost of a record is exact only for an average site. Documentation:
 * docs/trace.md
 */
#include <string.h>
#include "hv/trace.h"
#include "sched/smp.h"
#include "trace_hart.h"

/* Three arguments, as most events have. */
static __attribute__((noinline)) u64 run_site(u64 a, u64 b, u64 c)
{
	u64 start = csr_instret();

	trace_kvm_vcpu_wakeup(a, b, c);
	return csr_instret() - start;
}

static inline unsigned long enter_nothing(void *arg)
{
	(void)arg;
	return EXC_ECALL_VS;
}

static __attribute__((noinline)) u64 run_accounting(struct trace_exit_clock *clock)
{
	u64 start = csr_instret();

	trace_exit_class(clock, EXIT_SBI_BASE);
	trace_exit_around(clock, enter_nothing, NULL);
	return csr_instret() - start;
}

static __attribute__((noinline)) u64 run_set_vcpu(unsigned int vm, unsigned int vcpu)
{
	u64 start = csr_instret();

	trace_set_vcpu(vm, vcpu);
	return csr_instret() - start;
}

static u32 record_cost(struct trace_hart *th)
{
	struct static_key *key = &trace_keys[TRACE_kvm_vcpu_wakeup];
	u64 off = run_site(1, 2, 3), on;

	static_key_set(key, true);
	on = run_site(1, 2, 3);
	static_key_set(key, false);
	th->head = 0; /* forget the record */
	return (u32)(on - off);
}

/* Return the part of an event's cost on the slow path that trace_emit_slow() does not count. */
static u64 slow_frame(struct trace_hart *th)
{
	struct static_key *key = &trace_keys[TRACE_kvm_vcpu_wakeup];
	u64 off = run_site(1, 2, 3), on;

	th->record_cost = 1; /* count */
	static_key_set(&trace_slow_key, true);
	static_key_set(key, true);
	on = run_site(1, 2, 3);
	static_key_set(key, false);
	static_key_set(&trace_slow_key, false);
	on -= th->other_cost + th->head * th->record_cost;
	th->head = th->other_cost = th->record_cost = 0;
	return on - off;
}

static u32 vcpu_cost(void)
{
	u64 off = run_set_vcpu(0, 0), on;

	static_key_set(&trace_any_key, true);
	on = run_set_vcpu(0, 0);
	static_key_set(&trace_any_key, false);
	return (u32)(on - off);
}

/*
 * Return the instructions of run_accounting(), once the slot's `max` covers the cost of the exit.
 */
static u64 settled(struct trace_exit_clock *clock)
{
	for (int i = 0; i < 3; i++)
		run_accounting(clock);
	return run_accounting(clock);
}

/* Measure the accounting for one exit in both of its variants. */
static void account_costs(struct trace_hart *th)
{
	enum exit_unit unit = (enum exit_unit)trace_mem->exit_unit;
	struct trace_exit_clock clock;
	u64 off;

	clock = (struct trace_exit_clock){ .start = TRACE_EXIT_NONE };
	trace_exit_account(EXIT_UNIT_NONE);
	off = settled(&clock);
	trace_exit_account(EXIT_UNIT_INSTRET);
	trace_exit_load(&clock);
	trace_mem->account_cost = (u32)(settled(&clock) - off);
	static_key_set(&trace_exit_full_key, true);
	trace_account_full = (u32)(settled(&clock) - off);
	trace_exit_account(unit);
	memset(th->tallies + TRACE_EXIT_OFFSET(EXIT_SBI_BASE), 0, TRACE_EXIT_OFFSET(1));
}

void trace_measure_costs(void)
{
	struct trace_hart *th = trace_harts[this_hart()];
	u32 of_record, of_vcpu;

	if (!trace_mem->instret_exact)
		return;
	of_record = record_cost(th);
	of_vcpu = vcpu_cost();
	trace_slow_frame = slow_frame(th);
	trace_mem->record_cost = of_record;
	account_costs(th);
	for (unsigned int i = 0; i < trace_mem->nr_harts; i++)
		if (trace_mem->exit_unit == EXIT_UNIT_INSTRET) {
			trace_harts[i]->record_cost = of_record;
			trace_harts[i]->vcpu_cost = of_vcpu;
		}
}
