// SPDX-License-Identifier: MIT
/*
 * test_filter.c - test src/host/trace/trace_filter.c and trace_control.c on the build machine:
 * conditions on fields, triggers, and rings that keep their oldest records.
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
#include "machine.h"
#include "trace_control.h"
#include "trace_native.h"

static int start(void **state)
{
	(void)state;
	memset(&machine, 0, sizeof(machine));
	trace_set_on(true);
	trace_set_overwrite(true);
	for (unsigned int i = 0; i < TRACE_NR_EVENTS; i++) {
		trace_set_filter(i, NULL, NULL);
		trace_clear_trigger(i, TRACE_TRIGGER_OFF);
		trace_clear_trigger(i, TRACE_TRIGGER_ON);
	}
	trace_native_start(2, "all");
	return 0;
}

static bool slow(void)
{
	return trace_slow_key.enabled;
}

static u64 dropped(unsigned int hart)
{
	struct trace_mem *mem = trace_native_mem();

	return ((struct trace_hart_mem *)((char *)mem + mem->harts_offset +
					  hart * mem->hart_stride))
		->dropped;
}

/* ---- the language ---- */

/* Return whether `hstrace report --filter`, which uses the same language, selects this kvm_exit. */
static bool hstrace_matches(const char *text, const u64 *args, u32 who, unsigned int hart)
{
	static struct hst_file file = { .path = "table" };
	struct trace_record record = { .who = who };
	struct hst_seen seen = { .hart = hart, .record = &record };
	struct hst_filter *filter = NULL;
	bool match;

	if (!file.formats) {
		file.formats = strdup("event kvm_exit hex:sepc cause:scause hex:stval hex:htval "
				      "hex:htinst # left\n");
		assert_int_equal(hst_formats_parse(&file), 0);
	}
	memcpy(record.arg, args, sizeof(record.arg));
	seen.event = &file.events[0];
	assert_int_equal(hst_filter_add(&filter, text), 0);
	assert_int_equal(hst_filter_bind(filter, &file), 0);
	match = hst_filter_has(filter, &seen);
	hst_filter_free(filter);
	return match;
}

static void conditions_match_as_in_hstrace(void **state)
{
	static const struct {
		const char *text;
		bool match;
	} cases[] = {
		{ "scause == 23", true },
		{ "scause==23", true },
		{ "scause == 0x17", true },
		{ "scause == 027", true },
		{ " scause  !=  23 ", false },
		{ "scause < 23", false },
		{ "scause <= 23", true },
		{ "scause > 22", true },
		{ "scause >= 24", false },
		{ "scause & 16", true },
		{ "scause & 8", false },
		{ "sepc == 0xffffffffffffffff", true },
		{ "sepc > 1", true },
		{ "vm == 3", true },
		{ "vcpu == 1023", true },
		{ "hart == 1", true },
		{ "CPU == 1 && cpu != 0", true },
		{ "scause == 23 && vm == 1", false },
		{ "scause == 23 || vm == 1", true },
		{ "vm == 1 || vm == 2 && scause == 23", false },
		{ "vm == 3 || vm == 2 && scause == 0", true },
		{ "(vm == 3 || vm == 2) && scause == 0", false },
		{ "!scause == 23", false },
		{ "!(scause == 1)", true },
		{ "!!(scause == 23)", true },
		{ "!(vm == 3 && vcpu == 1) && (stval == 5)", true },
		{ "((((((((((scause == 23))))))))))", true },
	};
	const u64 args[TRACE_ARGS] = { ~0ULL, 23, 5, 0, 0 };
	struct trace_filter_error error;
	struct trace_filter filter;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(trace_filter_parse(&filter, TRACE_kvm_exit, cases[i].text, &error),
				 0);
		if (trace_filter_match(&filter, args, 3 | 1023 << 16, 1) != cases[i].match)
			fail_msg("%s", cases[i].text);
		if (hstrace_matches(cases[i].text, args, 3 | 1023 << 16, 1) != cases[i].match)
			fail_msg("hstrace: %s", cases[i].text);
	}
}

static void fields_that_may_be_negative_compare_as_such(void **state)
{
	const u64 args[TRACE_ARGS] = { 0, (u64)-4, 0, 0, 0 };
	struct trace_filter_error error;
	struct trace_filter filter;

	(void)state;
	assert_int_equal(trace_filter_parse(&filter, TRACE_kvm_userspace_exit,
					    "errno < 0 && errno == -4 && errno > -5", &error),
			 0);
	assert_true(trace_filter_match(&filter, args, 0, 0));
}

static void an_error_names_its_position(void **state)
{
	static const struct {
		const char *text, *message;
		unsigned int at;
	} cases[] = {
		{ "", "Missing field name and/or value", 0 },
		{ "foo == 1", "Field not found", 0 },
		{ "scause == 1 && foo == 1", "Field not found", 15 },
		{ "pc == 1", "Field not found", 0 },
		{ "scause", "Invalid operator", 6 },
		{ "scause = 1", "Invalid operator", 7 },
		{ "scause ~ 1", "Invalid operator", 7 },
		{ "scause == ", "Invalid value (did you forget quotes)?", 10 },
		{ "scause == x", "Invalid value (did you forget quotes)?", 10 },
		{ "scause == 12z", "Invalid value (did you forget quotes)?", 10 },
		{ "scause == 0x", "Invalid value (did you forget quotes)?", 10 },
		{ "scause == 09", "Invalid value (did you forget quotes)?", 10 },
		{ "scause == 18446744073709551616", "Invalid value (did you forget quotes)?", 10 },
		{ "scause == 1 scause == 2", "Invalid operator", 12 },
		{ "scause == 1 &&", "Missing field name and/or value", 14 },
		{ "(scause == 1", "Unbalanced parenthesis or missing close-parenthesis", 12 },
		{ "scause == 1)", "Too many closed parentheses", 11 },
		{ "((((((((((((((((((scause == 1))))))))))))))))))",
		  "Too many levels of parentheses", 16 },
	};
	struct trace_filter_error error;
	struct trace_filter filter;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_not_equal(
			trace_filter_parse(&filter, TRACE_kvm_exit, cases[i].text, &error), 0);
		assert_string_equal(error.message, cases[i].message);
		if (error.at != cases[i].at)
			fail_msg("%s: at %u", cases[i].text, error.at);
	}
}

static void any_expression_is_parsed_or_rejected(void **state)
{
	static const char words[][8] = { "scause", "vm", "==", "!",  "(", ")",  "&&", "||",
					 "1",      "<",  "-",  "0x", " ", "&",  "~",  "\xff",
					 "stval",  "!=", "=",  "99", "|", "vcp" };
	const u64 args[TRACE_ARGS] = { 1, 2, 3, 4, 5 };
	unsigned int good = 0;

	(void)state;
	srand(1);
	for (int n = 0; n < 200000; n++) {
		struct trace_filter_error error = { NULL, ~0U };
		struct trace_filter filter;
		char text[320] = "";

		for (int k = rand() % 60; k >= 0 && strlen(text) < 300; k--)
			strcat(text, words[(size_t)rand() % (sizeof(words) / sizeof(words[0]))]);
		if (!trace_filter_parse(&filter, TRACE_kvm_exit, text, &error)) {
			trace_filter_match(&filter, args, 0, 0);
			good++;
		} else {
			assert_non_null(error.message);
			assert_true(error.at <= strlen(text));
		}
	}
	assert_true(good > 0);
}

/* ---- recording with filters and triggers ---- */

static void a_filter_drops_records_that_do_not_match(void **state)
{
	(void)state;
	assert_false(slow());
	assert_int_equal(trace_set_filter(TRACE_kvm_exit, "scause == 10 && vm == 2", NULL), 0);
	assert_true(slow());
	trace_set_vcpu(2, 0);
	trace_kvm_exit(1, 10, 0, 0, 0);
	trace_kvm_exit(2, 11, 0, 0, 0);
	trace_kvm_entry(3, 0);
	trace_set_vcpu(1, 0);
	trace_kvm_exit(4, 10, 0, 0, 0);
	assert_int_equal(trace_native_count(TRACE_kvm_exit), 1);
	assert_int_equal(trace_native_last(TRACE_kvm_exit)->arg[0], 1);
	assert_int_equal(trace_native_count(TRACE_kvm_entry), 1);
	assert_int_equal(trace_set_filter(TRACE_kvm_exit, NULL, NULL), 0);
	assert_false(slow());
	trace_kvm_exit(5, 11, 0, 0, 0);
	assert_int_equal(trace_native_count(TRACE_kvm_exit), 2);
}

static void a_rejected_filter_leaves_the_event_without_one(void **state)
{
	struct trace_filter_error error;

	(void)state;
	assert_int_equal(trace_set_filter(TRACE_kvm_exit, "scause == 10", NULL), 0);
	assert_int_not_equal(trace_set_filter(TRACE_kvm_exit, "scause", &error), 0);
	assert_null(trace_filter_text(TRACE_kvm_exit));
	assert_false(slow());
}

static void a_trigger_stops_with_its_event_as_the_last(void **state)
{
	struct trace_filter_error error;

	(void)state;
	assert_int_equal(
		trace_set_trigger(TRACE_kvm_exit, TRACE_TRIGGER_OFF, ~0ULL, "scause == 2", &error),
		0);
	trace_kvm_exit(1, 10, 0, 0, 0);
	trace_kvm_exit(2, 2, 0, 0, 0);
	trace_kvm_exit(3, 10, 0, 0, 0);
	trace_kvm_entry(4, 0);
	assert_false(trace_is_on());
	assert_int_equal(trace_native_count(TRACE_kvm_exit), 2);
	assert_int_equal(trace_native_last(TRACE_kvm_exit)->arg[0], 2);
	assert_int_equal(trace_native_count(TRACE_kvm_entry), 0);
	trace_set_on(true);
	trace_kvm_entry(5, 0);
	assert_int_equal(trace_native_count(TRACE_kvm_entry), 1);
}

static void a_trigger_acts_at_most_its_count(void **state)
{
	struct trace_filter_error error;

	(void)state;
	assert_int_equal(trace_set_trigger(TRACE_kvm_wfi, TRACE_TRIGGER_OFF, 1, NULL, &error), 0);
	assert_int_equal(trace_set_trigger(TRACE_kvm_wrs, TRACE_TRIGGER_ON, 2, NULL, &error), 0);
	assert_int_not_equal(trace_set_trigger(TRACE_kvm_wrs, TRACE_TRIGGER_ON, 1, NULL, &error),
			     0); /* kvm_wrs already has a traceon trigger */
	trace_kvm_wfi(0);
	assert_false(trace_is_on());
	trace_kvm_wrs(0);
	assert_true(trace_is_on());
	trace_kvm_wfi(0);
	assert_true(trace_is_on());
	assert_int_equal(trace_native_count(TRACE_kvm_wrs), 1);
	assert_int_equal(trace_clear_trigger(TRACE_kvm_wrs, TRACE_TRIGGER_ON), 0);
	assert_int_not_equal(trace_clear_trigger(TRACE_kvm_wrs, TRACE_TRIGGER_ON), 0);
}

static void an_action_without_effect_leaves_the_triggers_count(void **state)
{
	(void)state;
	assert_int_equal(trace_set_trigger(TRACE_kvm_wfi, TRACE_TRIGGER_OFF, 1, NULL, NULL), 0);
	assert_int_equal(trace_set_trigger(TRACE_kvm_wrs, TRACE_TRIGGER_ON, 1, NULL, NULL), 0);
	trace_kvm_wrs(0);
	assert_int_equal(trace_trigger_of(TRACE_kvm_wrs, TRACE_TRIGGER_ON)->left, 1);
	trace_kvm_wfi(0);
	assert_false(trace_is_on());
	trace_kvm_wrs(0);
	assert_true(trace_is_on());
	assert_int_equal(trace_trigger_of(TRACE_kvm_wrs, TRACE_TRIGGER_ON)->left, 0);
	assert_int_equal(trace_set_trigger(TRACE_kvm_entry, TRACE_TRIGGER_OFF, 1, NULL, NULL), 0);
	trace_set_on(false);
	trace_kvm_entry(0, 0);
	assert_int_equal(trace_trigger_of(TRACE_kvm_entry, TRACE_TRIGGER_OFF)->left, 1);
}

static void hart_1_stops_tracing(void)
{
	machine.relax = NULL;
	trace_native_hart_stops_tracing(1);
}

/* Another hart executes the trigger while it is being removed; the removal waits for that hart. */
static void a_trigger_that_fires_during_its_removal_stops_tracing(void **state)
{
	(void)state;
	assert_int_equal(trace_set_trigger(TRACE_kvm_exit, TRACE_TRIGGER_OFF, 1, NULL, NULL), 0);
	trace_native_hart_enters(1);
	machine.relax = hart_1_stops_tracing;
	assert_int_equal(trace_clear_trigger(TRACE_kvm_exit, TRACE_TRIGGER_OFF), 0);
	assert_null(machine.relax);
	assert_false(trace_is_on());
	trace_kvm_entry(1, 0);
	assert_int_equal(trace_native_count(TRACE_kvm_entry), 0);
}

static void a_vcpu_that_left_while_events_were_off_is_not_named(void **state)
{
	const char *bad;

	(void)state;
	trace_set_vcpu(2, 3);
	trace_kvm_entry(1, 0);
	assert_int_equal(trace_native_last(TRACE_kvm_entry)->who, 2 | 3 << 16);
	assert_int_equal(trace_select("none", &bad), 0);
	trace_set_vcpu(0, 0);
	assert_int_equal(trace_select("kvm_entry", &bad), 0);
	trace_kvm_entry(2, 0);
	assert_int_equal(trace_native_last(TRACE_kvm_entry)->arg[0], 2);
	assert_int_equal(trace_native_last(TRACE_kvm_entry)->who, 0);
	/* The current vCPU stays known when another event is turned on. */
	trace_set_vcpu(2, 3);
	assert_int_equal(trace_select("kvm_entry,kvm_exit", &bad), 0);
	trace_kvm_entry(3, 0);
	assert_int_equal(trace_native_last(TRACE_kvm_entry)->who, 2 | 3 << 16);
}

static void a_ring_that_keeps_its_oldest_counts_what_it_drops(void **state)
{
	u64 size = trace_native_mem()->ring_records;

	(void)state;
	trace_set_overwrite(false);
	for (u64 i = 0; i < size + 10; i++)
		trace_kvm_entry(i, 0);
	assert_int_equal(trace_native_count(TRACE_kvm_entry), size - 1);
	assert_int_equal(trace_native_last(TRACE_kvm_entry)->arg[0], size - 2);
	assert_int_equal(dropped(0), 11);
	trace_set_overwrite(true);
	trace_kvm_entry(1, 0);
	assert_int_equal(trace_native_last(TRACE_kvm_entry)->arg[0], 1);
	assert_int_equal(dropped(0), 11);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(conditions_match_as_in_hstrace, start),
		cmocka_unit_test_setup(fields_that_may_be_negative_compare_as_such, start),
		cmocka_unit_test_setup(an_error_names_its_position, start),
		cmocka_unit_test_setup(any_expression_is_parsed_or_rejected, start),
		cmocka_unit_test_setup(a_filter_drops_records_that_do_not_match, start),
		cmocka_unit_test_setup(a_rejected_filter_leaves_the_event_without_one, start),
		cmocka_unit_test_setup(a_trigger_stops_with_its_event_as_the_last, start),
		cmocka_unit_test_setup(a_trigger_acts_at_most_its_count, start),
		cmocka_unit_test_setup(an_action_without_effect_leaves_the_triggers_count, start),
		cmocka_unit_test_setup(a_trigger_that_fires_during_its_removal_stops_tracing,
				       start),
		cmocka_unit_test_setup(a_vcpu_that_left_while_events_were_off_is_not_named, start),
		cmocka_unit_test_setup(a_ring_that_keeps_its_oldest_counts_what_it_drops, start),
	};

	return cmocka_run_group_tests_name("filters, triggers, full rings", tests, NULL, NULL);
}
