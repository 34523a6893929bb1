// SPDX-License-Identifier: MIT
/*
 * test_trace.c - test src/host/trace on the build machine: records in rings, the selection of
 * events, exit costs, and the events that a panic prints.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "file/hst.h"
#include "hv/csr.h"
#include "hv/host.h"
#include "machine.h"
#include "trace_dump.h"
#include "trace_native.h"

static int start(void **state)
{
	(void)state;
	memset(&machine, 0, sizeof(machine));
	trace_native_start(2, "none");
	trace_exit_account(EXIT_UNIT_NONE);
	return 0;
}

static void choose(const char *list)
{
	const char *bad;

	assert_int_equal(trace_select(list, &bad), 0);
}

static char *area(unsigned int hart)
{
	struct trace_mem *mem = trace_native_mem();

	return (char *)mem + mem->harts_offset + hart * mem->hart_stride;
}

static u64 head(unsigned int hart)
{
	return ((struct trace_hart_mem *)area(hart))->head;
}

static const struct trace_record *ring(unsigned int hart)
{
	return (const struct trace_record *)(area(hart) + trace_native_mem()->ring_offset);
}

/* Return a copy of the slot as hstrace reads it; valid until the next call. */
static const struct exit_stat *stat_of(unsigned int hart, unsigned int slot)
{
	static struct exit_stat stat;
	const struct exit_tally *tally =
		(const struct exit_tally *)(area(hart) + trace_native_mem()->stats_offset) + slot;

	memcpy(&stat, tally, sizeof(stat));
	stat.count = exit_stat_count(tally);
	return &stat;
}

/* ---- records ---- */

static void a_record_has_arguments_vcpu_hart_and_time(void **state)
{
	const struct trace_record *r = ring(1);

	(void)state;
	choose("kvm_exit");
	machine = (struct machine){ .hart = 1, .time = 77, .instret = 7777 };
	trace_set_vcpu(3, 1023);
	trace_kvm_exit(0x1000, 10, 0x2000, 0x3000, 0x4000);
	assert_int_equal(TRACE_EVENT_OF(r->seq_event), TRACE_kvm_exit);
	assert_int_equal(TRACE_SEQ_OF(r->seq_event), 0);
	assert_int_equal(TRACE_VM_OF(r->who), 3);
	assert_int_equal(TRACE_VCPU_OF(r->who), 1023);
	assert_int_equal(r->time, 77);
	assert_int_equal(r->instret, 7777);
	assert_int_equal(r->arg[0], 0x1000);
	assert_int_equal(r->arg[1], 10);
	assert_int_equal(r->arg[4], 0x4000);
	assert_int_equal(head(1), 1);
	assert_int_equal(head(0), 0);
}

static void an_event_that_is_off_writes_nothing(void **state)
{
	(void)state;
	choose("all,!kvm_entry");
	trace_kvm_entry(0x80000000, 0);
	assert_false(trace_kvm_entry_enabled());
	assert_true(trace_kvm_exit_enabled());
	assert_int_equal(head(0), 0);
}

static void a_full_ring_keeps_the_newest_and_counts_all(void **state)
{
	u64 size = trace_native_mem()->ring_records, total = 2 * size + 5;

	(void)state;
	choose("kvm_entry");
	for (u64 i = 0; i < total; i++)
		trace_kvm_entry(i, 0);
	assert_int_equal(head(0), total);
	for (u64 n = total - size; n < total; n++) {
		const struct trace_record *r = &ring(0)[n % size];

		assert_int_equal(r->arg[0], n);
		assert_int_equal(TRACE_SEQ_OF(r->seq_event), n & TRACE_SEQ_MASK);
	}
}

static void a_negative_field_is_stored_unchanged(void **state)
{
	(void)state;
	choose("kvm_userspace_exit");
	trace_kvm_userspace_exit(10, -4, EXIT_WFI);
	assert_true((s64)ring(0)->arg[1] == -4);
}

/* ---- selecting events ---- */

static void lists_take_names_globs_and_exceptions_in_order(void **state)
{
	(void)state;
	choose("gstage_*,!gstage_step,kvm_vmid*");
	assert_true(trace_gstage_map_enabled());
	assert_false(trace_gstage_step_enabled());
	assert_true(trace_kvm_vmid_rollover_enabled());
	assert_false(trace_kvm_exit_enabled());
	choose("all,none,kvm_?fi");
	assert_true(trace_kvm_wfi_enabled());
	assert_false(trace_gstage_map_enabled());
	choose("");
	assert_false(trace_kvm_wfi_enabled());
}

static void a_list_with_an_unknown_name_changes_nothing(void **state)
{
	static const char *const lists[] = {
		"kvm_exit,kvm_exitt,all", "kvm_exit,,all", ",", "!", "KVM*", "!none"
	};
	const char *bad = NULL;

	(void)state;
	choose("kvm_wfi");
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		assert_int_not_equal(trace_select(lists[i], &bad), 0);
		assert_true(trace_kvm_wfi_enabled());
		assert_false(trace_kvm_exit_enabled());
	}
	trace_select(lists[0], &bad);
	assert_memory_equal(bad, "kvm_exitt,", 10);
}

/* ---- exits ---- */

static void exit_of(struct trace_exit_clock *clock, unsigned long scause, unsigned long cost)
{
	trace_native_begin(clock, scause);
	machine.instret += cost;
	machine.time += cost / 100;
	trace_native_end(clock);
}

static void exits_count_under_their_cause_and_interrupts_apart(void **state)
{
	struct trace_exit_clock clock = { 0 };

	(void)state;
	trace_exit_init(&clock);
	trace_exit_account(EXIT_UNIT_INSTRET);
	exit_of(&clock, EXC_LOAD_ACCESS_FAULT, 100);
	exit_of(&clock, EXC_LOAD_ACCESS_FAULT, 300);
	exit_of(&clock, CAUSE_IRQ_FLAG | IRQ_S_TIMER, 50);
	exit_of(&clock, 63, 1);
	exit_of(&clock, CAUSE_IRQ_FLAG | 48, 1);
	assert_int_equal(stat_of(0, 5)->count, 2);
	assert_int_equal(stat_of(0, 5)->sum, 400);
	assert_int_equal(stat_of(0, 5)->max, 300);
	assert_int_equal(stat_of(0, EXIT_SLOT_IRQ + 5)->count, 1);
	assert_int_equal(stat_of(0, EXIT_SLOT_IRQ - 1)->count, 1);
	assert_int_equal(stat_of(0, EXIT_SLOT_CLASS - 1)->count, 1);
}

static void a_handler_chooses_the_class(void **state)
{
	struct trace_exit_clock clock = { 0 };

	(void)state;
	trace_exit_init(&clock);
	trace_exit_account(EXIT_UNIT_INSTRET);
	trace_native_begin(&clock, EXC_VIRTUAL_INST);
	trace_exit_class(&clock, EXIT_CSR_USER);
	trace_exit_class(&clock, EXIT_WFI);
	trace_native_end(&clock);
	assert_int_equal(stat_of(0, EXIT_WFI)->count, 1);
	assert_int_equal(stat_of(0, EXIT_CSR_USER)->count, 0);
	assert_int_equal(stat_of(0, EXC_VIRTUAL_INST)->count, 0);
}

static void the_last_exit_of_a_vcpu_counts_without_a_cost(void **state)
{
	struct trace_exit_clock clock = { 0 };

	(void)state;
	trace_exit_init(&clock);
	trace_exit_account(EXIT_UNIT_INSTRET);
	trace_exit_last(&clock);
	trace_native_end(&clock); /* the first entry ends no exit */
	trace_native_begin(&clock, EXC_ECALL_VS);
	trace_exit_class(&clock, EXIT_SBI_SRST);
	trace_exit_last(&clock);
	trace_exit_last(&clock);
	assert_int_equal(stat_of(0, EXIT_SBI_SRST)->count, 1);
	assert_int_equal(stat_of(0, EXIT_SBI_SRST)->unpriced, 1);
	assert_int_equal(stat_of(0, EXC_ECALL_VS)->count, 0);
}

static void nothing_is_counted_while_accounting_is_off(void **state)
{
	struct trace_exit_clock clock = { 0 };

	(void)state;
	trace_exit_init(&clock);
	exit_of(&clock, EXC_ECALL_VS, 10);
	trace_exit_account(EXIT_UNIT_INSTRET); /* the exit began earlier, so its cost is unknown */
	trace_native_end(&clock);
	assert_int_equal(stat_of(0, EXC_ECALL_VS)->count, 0);
}

static void an_exit_over_two_harts_has_a_cost_in_time_only(void **state)
{
	struct trace_exit_clock clock = { 0 };

	(void)state;
	trace_exit_init(&clock);
	for (int unit = EXIT_UNIT_INSTRET; unit <= EXIT_UNIT_TIME; unit++) {
		trace_exit_account((enum exit_unit)unit);
		machine = (struct machine){ .hart = 0, .time = 100, .instret = 1000000 };
		trace_native_begin(&clock, EXC_ECALL_VS);
		machine = (struct machine){ .hart = 1, .time = 142, .instret = 5 };
		trace_native_end(&clock);
	}
	assert_int_equal(stat_of(1, EXC_ECALL_VS)->count, 2);
	assert_int_equal(stat_of(1, EXC_ECALL_VS)->unpriced, 1);
	assert_int_equal(stat_of(1, EXC_ECALL_VS)->sum, 42);
	assert_int_equal(stat_of(1, EXC_ECALL_VS)->hist[42], 1);
}

/* The short variant of the accounting looks small costs up in a table. */
static void every_cost_is_in_the_bucket_of_its_value(void **state)
{
	static const u64 large[] = { EXIT_QUICK, 4095, 70000, 1ULL << 33, HIST_LIMIT };
	struct trace_exit_clock clock = { .start = TRACE_EXIT_NONE };
	u64 count = 0, sum = 0;

	(void)state;
	trace_exit_account(EXIT_UNIT_INSTRET);
	for (u64 cost = EXIT_QUICK; cost-- > 0; sum += cost, count++) {
		u32 before = stat_of(0, EXC_ECALL_VS)->hist[trace_hist_bucket(cost)];

		exit_of(&clock, EXC_ECALL_VS, cost);
		assert_int_equal(stat_of(0, EXC_ECALL_VS)->hist[trace_hist_bucket(cost)],
				 before + 1);
		assert_int_equal(stat_of(0, EXC_ECALL_VS)->max, EXIT_QUICK - 1);
	}
	for (unsigned int i = 0; i < sizeof(large) / sizeof(large[0]); i++) {
		exit_of(&clock, EXC_ECALL_VS, large[i]);
		assert_int_equal(stat_of(0, EXC_ECALL_VS)->max, large[i]);
		sum += large[i];
		count++;
	}
	exit_of(&clock, EXC_ECALL_VS, EXIT_QUICK); /* above `limit`, but not a new maximum */
	assert_int_equal(stat_of(0, EXC_ECALL_VS)->max, HIST_LIMIT);
	assert_int_equal(stat_of(0, EXC_ECALL_VS)->count, count + 1);
	assert_int_equal(stat_of(0, EXC_ECALL_VS)->sum, sum + EXIT_QUICK);
}

static void a_counter_that_wraps_loses_no_exit(void **state)
{
	static const unsigned long costs[] = { 100, 5000 };

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		struct trace_exit_clock clock = { .start = TRACE_EXIT_NONE };
		struct exit_tally *tally;

		start(NULL);
		trace_exit_account(EXIT_UNIT_INSTRET);
		tally = (struct exit_tally *)(area(0) + trace_native_mem()->stats_offset) +
			EXC_ECALL_VS;
		exit_of(&clock, EXC_ECALL_VS, costs[i]);
		tally->hist[trace_hist_bucket(costs[i])] = ~0U;
		exit_of(&clock, EXC_ECALL_VS, costs[i]);
		exit_of(&clock, EXC_ECALL_VS, costs[i]);
		assert_int_equal(stat_of(0, EXC_ECALL_VS)->count, (1ULL << 32) + 1);
	}
}

/* Write a record that takes 31 instructions, as far as the accounting knows. */
static void record_of_31(void)
{
	trace_kvm_wfi(true);
	machine.instret += 31;
}

/* What an exit costs does not depend on when its events were on. */
static void a_cost_leaves_out_records_whenever_events_are_switched(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 8; i++) {
		bool before = i & 1, during = i & 2, after = i & 4;
		struct trace_exit_clock clock = { .start = TRACE_EXIT_NONE };

		start(NULL);
		trace_exit_account(EXIT_UNIT_INSTRET);
		trace_native_record_cost(31);
		choose(before ? "kvm_wfi" : "none");
		exit_of(&clock, EXC_ECALL_VS, 10);
		if (before)
			record_of_31();
		trace_exit_settle(&clock);
		trace_native_begin(&clock, EXC_VIRTUAL_INST);
		if (before)
			record_of_31();
		choose(during ? "kvm_wfi" : "none");
		trace_exit_settle(&clock);
		machine.instret += 200;
		if (during)
			record_of_31();
		choose(after ? "kvm_wfi" : "none");
		trace_exit_settle(&clock);
		if (after)
			record_of_31();
		trace_native_end(&clock);
		assert_int_equal(stat_of(0, EXC_VIRTUAL_INST)->sum, 200);
		assert_int_equal(stat_of(0, EXC_VIRTUAL_INST)->unpriced, 0);
	}
}

static void a_bucket_is_within_three_percent_of_its_values(void **state)
{
	u64 step = 1;

	(void)state;
	for (u64 value = 0; value < HIST_LIMIT; value += step) {
		unsigned long bucket = trace_hist_bucket(value);
		u64 got;

		assert_in_range(bucket, 0, HIST_BUCKETS - 1);
		got = hst_bucket_value((unsigned int)bucket);
		if ((got > value ? got - value : value - got) * 100 > 3 * value)
			fail_msg("%llu is shown as %llu", value, got);
		step = 1 + value / 997; /* a prime, so that no bucket edge is hit regularly */
	}
	assert_int_equal(trace_hist_bucket(~0ULL), HIST_BUCKETS - 1);
}

static void buckets_follow_one_another_without_a_gap(void **state)
{
	unsigned long last = 0;

	(void)state;
	for (unsigned int bit = 0; bit < 37; bit++)
		for (u64 sub = 0; sub < 64; sub++) {
			unsigned long bucket = trace_hist_bucket((1ULL << bit) + (sub << bit) / 64);

			assert_in_range(bucket, last, last + 1);
			last = bucket;
		}
	assert_int_equal(last, HIST_BUCKETS - 1);
}

/* ---- memory ---- */

static void memory_that_is_too_small_is_refused(void **state)
{
	static u64 small[512];

	(void)state;
	assert_int_not_equal(trace_mem_init(small, sizeof(small), 1, 1000, false), 0);
	assert_int_not_equal(trace_mem_init(small, 1UL << 30, 0, 1000, false), 0);
	assert_int_not_equal(trace_mem_init(small, 1UL << 30, HV_MAX_HARTS + 1, 1000, false), 0);
	trace_native_start(2, "none");
}

/* ---- the last events, for a panic ---- */

static char dumped[8][240];
static unsigned int nr_dumped;

static void keep_line(const char *line)
{
	assert_true(strlen(line) < sizeof(dumped[0]));
	strcpy(dumped[nr_dumped++ % 8], line);
}

static void a_panic_prints_the_last_events_of_each_hart(void **state)
{
	(void)state;
	choose("all");
	nr_dumped = 0;
	trace_dump(3, keep_line);
	assert_int_equal(nr_dumped, 0);
	trace_set_vcpu(1, 2);
	for (u64 i = 0; i < 5; i++)
		trace_kvm_entry(0x1000 + i, 0);
	trace_kvm_userspace_exit(10, -4, EXIT_WFI);
	trace_set_vcpu(0, 0);
	trace_print(0, 0x1b6f6c6c6568, 0, 0, 0); /* "hello" and an escape character */
	trace_dump(3, keep_line);
	assert_int_equal(nr_dumped, 4);
	assert_string_equal(dumped[0], "trace: hart 0: the last 3 of 7 events");
	assert_non_null(strstr(dumped[1], " 0 1.2 kvm_entry: pc=0x1004"));
	assert_non_null(strstr(dumped[2], " 0 1.2 kvm_userspace_exit: reason=10 errno=-4"));
	assert_non_null(strstr(dumped[3], " 0 - print: part=0 buf=hello? buf8= buf16= buf24="));
}

/*
 * Whatever trace memory contains, a panic prints at most two lines more than requested for each
 * hart. Needs ASan.
 */
static void a_panic_survives_damaged_rings(void **state)
{
	u8 *bytes = (u8 *)trace_native_mem(), *hart = (u8 *)area(0);
	size_t size = trace_native_mem()->size;
	u8 *whole = malloc(size);

	(void)state;
	assert_non_null(whole);
	choose("kvm_entry");
	for (unsigned int i = 0; i < 200; i++)
		trace_kvm_entry(i, 0);
	memcpy(whole, bytes, size);
	for (unsigned int round = 0; round < 1000; round++) {
		srandom(round);
		for (unsigned int n = (unsigned int)random() % 64; n; n--) {
			u8 *from = n % 2 ? bytes : hart;

			from[(unsigned long)random() % (n % 3 ? 4096 : 65536)] = (u8)random();
		}
		nr_dumped = 0;
		trace_dump(50, keep_line);
		assert_true(nr_dumped <= 2 * (50 + 2));
		memcpy(bytes, whole, size);
	}
	free(whole);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_record_has_arguments_vcpu_hart_and_time, start),
		cmocka_unit_test_setup(an_event_that_is_off_writes_nothing, start),
		cmocka_unit_test_setup(a_full_ring_keeps_the_newest_and_counts_all, start),
		cmocka_unit_test_setup(a_negative_field_is_stored_unchanged, start),
		cmocka_unit_test_setup(lists_take_names_globs_and_exceptions_in_order, start),
		cmocka_unit_test_setup(a_list_with_an_unknown_name_changes_nothing, start),
		cmocka_unit_test_setup(exits_count_under_their_cause_and_interrupts_apart, start),
		cmocka_unit_test_setup(a_handler_chooses_the_class, start),
		cmocka_unit_test_setup(the_last_exit_of_a_vcpu_counts_without_a_cost, start),
		cmocka_unit_test_setup(nothing_is_counted_while_accounting_is_off, start),
		cmocka_unit_test_setup(an_exit_over_two_harts_has_a_cost_in_time_only, start),
		cmocka_unit_test_setup(every_cost_is_in_the_bucket_of_its_value, start),
		cmocka_unit_test_setup(a_counter_that_wraps_loses_no_exit, start),
		cmocka_unit_test_setup(a_cost_leaves_out_records_whenever_events_are_switched,
				       start),
		cmocka_unit_test_setup(a_bucket_is_within_three_percent_of_its_values, start),
		cmocka_unit_test_setup(buckets_follow_one_another_without_a_gap, start),
		cmocka_unit_test_setup(memory_that_is_too_small_is_refused, start),
		cmocka_unit_test_setup(a_panic_prints_the_last_events_of_each_hart, start),
		cmocka_unit_test_setup(a_panic_survives_damaged_rings, start),
	};

	return cmocka_run_group_tests_name("trace", tests, NULL, NULL);
}
