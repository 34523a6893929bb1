// SPDX-License-Identifier: MIT
/*
 * test_hst.c - test the computations of hstrace: fields to text and back, percentiles, the
 * significance test of diff, and the last events of html.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "hstrace/diff.h"
#include "hstrace/table.h"
#include "html/html.h"

static u64 random_state = 1;

/* Return a random value of any size or, for every third i, a negative power of two. */
static u64 random_value(unsigned int i)
{
	random_state = random_state * 6364136223846793005ULL + 1442695040888963407ULL;
	return i % 3 ? random_state >> (random_state >> 58) : ~0ULL << (i % 64);
}

static struct hst_event event_of(const char *kind)
{
	struct hst_event event = { .name = "e", .nr_fields = 1 };

	event.field[0].kind = kind;
	event.field[0].name = "f";
	event.field[0].type = hst_kind_of(kind);
	return event;
}

static void numbers_are_formatted_as_by_printf(void **state)
{
	static const char *const kinds[] = { "hex", "num", "dec", "flag", "of a later version" };
	static const char *const formats[] = { "0x%llx", "%llu", "%lld", "%llu", "0x%llx" };
	char want[HST_NAME_SIZE], got[HST_NAME_SIZE];

	(void)state;
	for (unsigned int k = 0; k < 5; k++) {
		struct hst_event event = event_of(kinds[k]);

		for (unsigned int i = 0; i < 10000; i++) {
			u64 value = random_value(i);

			snprintf(want, sizeof(want), formats[k], value);
			assert_string_equal(hst_field_text(&event, 0, value, got), want);
			assert_ptr_equal(hst_field_put(&event, 0, value, got), got + strlen(want));
		}
	}
}

static void a_name_is_converted_back_to_its_number(void **state)
{
	static const char *const kinds[] = { "cause", "sbi", "sbierr", "reason", "csr",
					     "sys",   "err", "mmio",   "mode",   "class" };
	char text[HST_NAME_SIZE];
	unsigned int names = 0;
	u64 back;

	(void)state;
	for (unsigned int k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		struct hst_event event = event_of(kinds[k]);
		unsigned int before = names;

		for (u64 i = 0; i < 20000; i++) {
			u64 value = i < 4096   ? i
				    : i < 8192 ? 4096 - i
				    : i < 9000 ? (i - 8192) | 1ULL << 63
					       : random_value((unsigned int)i);

			hst_field_text(&event, 0, value, text);
			if (!hst_name_number(event.field[0].type, text, &back))
				continue; /* not a named value */
			names++;
			if (back != value && !(k == 0 && (value >> 31) == 1))
				fail_msg("%s %s: 0x%llx, not 0x%llx", kinds[k], text, back, value);
		}
		if (names == before)
			fail_msg("no value of kind %s has a name", kinds[k]);
	}
	assert_true(names > 300);
	assert_false(hst_name_number(HST_CAUSE, "nonesuch", &back));
	assert_false(hst_name_number(HST_ERR, "EINVAL", &back));
	assert_false(hst_name_number(HST_HEX, "ecall_vs", &back));
}

static void a_cause_is_named_as_its_constant_is(void **state)
{
	static const char *const names[][2] = {
#define EXCEPTION(id, number, name, description, source) { #id, name },
#define INTERRUPT(id, number, name, description, source) { "IRQ_" #id, name },
#include "hv/cause.def"
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(strcasecmp(names[i][0], names[i][1]), 0);
}

static void an_sbi_function_is_named_as_its_constant_is(void **state)
{
	static const char *const names[][2] = {
#define SBI_LEGACY(call, number, class, name, version)  { "LEGACY_" #call, name },
#define SBI_FUNCTION(ext, function, fid, name, version) { #function, name },
#include "hv/sbi.def"
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(strcasecmp(names[i][0], names[i][1]), 0);
}

static void an_old_name_is_accepted(void **state)
{
	static const struct {
		enum hst_kind kind;
		const char *old, *name;
	} aliases[] = {
#define CAUSE_ALIAS(old, name) { HST_CAUSE, old, name },
#define SBI_ALIAS(old, name)   { HST_SBI, old, name },
#include "hv/cause.def"
#include "hv/sbi.def"
	};
	u64 old, now;

	(void)state;
	for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++) {
		assert_true(hst_name_number(aliases[i].kind, aliases[i].old, &old));
		assert_true(hst_name_number(aliases[i].kind, aliases[i].name, &now));
		assert_int_equal(old, now);
	}
	assert_true(hst_name_number(HST_CAUSE, "vs_ecall", &old));
	assert_int_equal(old, 10);
	assert_true(hst_name_number(HST_SBI, "legacy_fence_i", &old));
	assert_int_equal(old, 5);
	assert_false(hst_name_number(HST_CAUSE, "legacy_fence_i", &old));
}

static void an_old_event_name_is_accepted_in_traces_and_lists(void **state)
{
	static struct hst_file file = { .path = "table" };
	char formats[] = "event kvm_vcpu_wake hex:irqs # what ended a vCPU's wait\n";

	(void)state;
	file.formats = formats;
	assert_int_equal(hst_formats_parse(&file), 0);
	assert_string_equal(file.events[0].name, "kvm_wake_reason");
	assert_int_equal(hst_list_check("kvm_vcpu_wake", &file), 0);
	assert_true(hst_list_has("kvm_vcpu_wake", "kvm_wake_reason"));
	assert_false(hst_list_has("all,!kvm_vcpu_wake", "kvm_wake_reason"));
	assert_false(hst_list_has("kvm_vcpu_wake", "kvm_vcpu_wakeup"));
	free(file.unnamed);
}

static void percentiles_are_those_of_the_values(void **state)
{
	struct hst_row row = { .whole = true };

	(void)state;
	for (u64 i = 1; i <= 1000; i++)
		assert_int_equal(hst_row_price(&row, i * 100), 0);
	assert_int_equal(row.priced, 1000);
	assert_int_equal(row.max, 100000);
	assert_in_range(hst_percentile(&row, 50), 50000 * 63 / 64, 50000 * 65 / 64);
	assert_in_range(hst_percentile(&row, 99), 99000 * 63 / 64, 99000 * 65 / 64);
	assert_in_range(hst_percentile(&row, 100), 100000 * 63 / 64, 100000);
	free(row.hist);
}

/* Read a table of two classes with these counts, and compute the shares. Returns the sum of these. */
static unsigned int shares_of(u64 first, u64 second)
{
	struct exit_stat stats[2] = { { .count = first }, { .count = second } };
	struct hst_file *file = calloc(1, sizeof(*file));
	struct hst_table table = { 0 };
	unsigned int sum = 0;

	assert_non_null(file);
	file->path = "counts";
	for (unsigned int i = 0; i < 2; i++) {
		file->stat[EXIT_SLOT_CLASS + i] = &stats[i];
		file->hist[EXIT_SLOT_CLASS + i] = calloc(HIST_BUCKETS, sizeof(u64));
	}
	if (!hst_table_from_stats(&table, file)) {
		hst_table_shares(&table);
		for (size_t i = 0; i < table.n; i++)
			sum += table.rows[i].share;
	}
	hst_table_free(&table);
	for (unsigned int i = 0; i < 2; i++)
		free(file->hist[EXIT_SLOT_CLASS + i]);
	free(file);
	return sum;
}

static void counts_without_shares_are_refused(void **state)
{
	u64 most = ~0ULL / 10000;

	(void)state;
	assert_int_equal(shares_of(1, 2), 10000);
	assert_int_equal(shares_of(most - 1, 1), 10000);
	assert_int_equal(shares_of(most, 1), 0);
	assert_int_equal(shares_of(12345678901234567ULL, ~0ULL - 12345678901234563ULL), 0);
}

static void close_to(double got, double want)
{
	if (fabs(got - want) > 2e-4)
		fail_msg("%.6f, not %.6f", got, want);
}

/* p-values from tables of Student's t: t = 2 with 8 degrees of freedom, and t = 4.3027 with 2. */
static void welch_agrees_with_published_tables(void **state)
{
	static const double a[] = { 1, 2, 3, 4, 5 }, b[] = { 3, 4, 5, 6, 7 };
	static const double c[] = { 0, 1 }, d[] = { 4.3027 * 0.70710678, 4.3027 * 0.70710678 + 1 };

	(void)state;
	close_to(hst_welch(a, 5, b, 5), 0.0805);
	close_to(hst_welch(b, 5, a, 5), 0.0805);
	close_to(hst_welch(a, 5, a, 5), 1);
	close_to(hst_welch(c, 2, d, 2), 0.05);
}

static void a_difference_between_exact_counts_is_certain(void **state)
{
	static const double a[] = { 1030, 1030, 1030 }, b[] = { 1031, 1031, 1031 };

	(void)state;
	assert_true(hst_welch(a, 3, b, 3) == 0);
	assert_true(hst_welch(a, 3, a, 3) == 1);
	assert_true(hst_welch(a, 1, b, 3) == 1); /* one run has no variance to test with */
}

static void holm_corrects_for_the_number_of_rows(void **state)
{
	double p[] = { 0.01, 0.04, 0.03, 0.9 }, *all[] = { &p[0], &p[1], &p[2], &p[3] };

	(void)state;
	hst_holm(all, 4);
	close_to(p[0], 0.04);
	close_to(p[2], 0.09);
	close_to(p[1], 0.09);
	close_to(p[3], 0.9);
}

/*
 * Return the cost of an exit that begins at time 10, instret 1000, work 900, and ends with event 1
 * on this hart at 25, 1500, 1200. The event's fields are a class, the cost 77 and this start.
 */
static u64 cost_of_exit(struct hst_file *file, unsigned int hart, u64 start, enum hst_unit unit)
{
	struct trace_record begin = { .time = 10, .instret = 1000 };
	struct trace_record end = { .time = 25,
				    .instret = 1500,
				    .arg = { EXIT_SBI_BASE, 77, start } };
	struct hst_seen seen = { .record = &begin, .work = 900 };
	struct hst_exit exit;
	u64 cost;

	file->mem.exit_unit = unit == HST_UNIT_TIME ? EXIT_UNIT_TIME : EXIT_UNIT_INSTRET;
	hst_exit_begin(&exit, &seen, 0);
	assert_true(hst_exit_end(file, &exit, &seen, unit) == HST_NOT_ENDED);
	assert_true(exit.open);
	seen = (struct hst_seen){ .record = &end, .work = 1200, .event_nr = 1, .hart = hart };
	hst_exit_event(file, &exit, &seen);
	cost = hst_exit_end(file, &exit, &seen, unit);
	assert_false(exit.open);
	if (file->exits.has_cost && unit != HST_UNIT_NONE)
		assert_int_equal(exit.class, cost == HST_NO_COST ? 0 : EXIT_SBI_BASE);
	return cost;
}

static void an_exit_does_not_get_the_cost_of_another_one(void **state)
{
	struct hst_file *file = calloc(1, sizeof(*file));

	(void)state;
	assert_non_null(file);
	file->exits.end = 1;
	file->exits.entry = -1;
	file->exits.clue[1] = 1; /* the field is the class */
	assert_int_equal(cost_of_exit(file, 0, 0, HST_UNIT_INSTRUCTIONS), 300);
	assert_int_equal(cost_of_exit(file, 0, 0, HST_UNIT_TIME), 15);
	assert_true(cost_of_exit(file, 1, 0, HST_UNIT_INSTRUCTIONS) == HST_NO_COST);
	file->exits.has_cost = true;
	file->exits.cost = 1;
	file->exits.start = 2;
	assert_int_equal(cost_of_exit(file, 0, 1000, HST_UNIT_INSTRUCTIONS), 77);
	assert_true(cost_of_exit(file, 0, 1001, HST_UNIT_INSTRUCTIONS) == HST_NO_COST);
	assert_true(cost_of_exit(file, 1, 1000, HST_UNIT_INSTRUCTIONS) == HST_NO_COST);
	assert_int_equal(cost_of_exit(file, 1, 10, HST_UNIT_TIME), 77);
	assert_true(cost_of_exit(file, 0, 11, HST_UNIT_TIME) == HST_NO_COST);
	assert_true(cost_of_exit(file, 0, 1000, HST_UNIT_NONE) == HST_NO_COST);
	free(file);
}

static void html_keeps_only_the_events_that_it_has_counted(void **state)
{
	struct html_run run = { .events = HTML_LAST };
	const struct hst_event named = { .name = "e" };
	const struct hst_seen seen = { .event = &named };
	const struct html_event event = { .seen = &seen };

	(void)state;
	assert_int_equal(html_windows_start(&run), 0);
	for (u64 number = 0; number <= HTML_LAST; number++) /* the file has grown by one */
		html_windows_event(&run, &event, number);
	assert_int_equal(run.last.nr_lines, HTML_LAST);
	html_windows_free(&run);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_formatted_as_by_printf),
		cmocka_unit_test(a_name_is_converted_back_to_its_number),
		cmocka_unit_test(a_cause_is_named_as_its_constant_is),
		cmocka_unit_test(an_sbi_function_is_named_as_its_constant_is),
		cmocka_unit_test(an_old_name_is_accepted),
		cmocka_unit_test(an_old_event_name_is_accepted_in_traces_and_lists),
		cmocka_unit_test(percentiles_are_those_of_the_values),
		cmocka_unit_test(counts_without_shares_are_refused),
		cmocka_unit_test(an_exit_does_not_get_the_cost_of_another_one),
		cmocka_unit_test(welch_agrees_with_published_tables),
		cmocka_unit_test(a_difference_between_exact_counts_is_certain),
		cmocka_unit_test(holm_corrects_for_the_number_of_rows),
		cmocka_unit_test(html_keeps_only_the_events_that_it_has_counted),
	};

	return cmocka_run_group_tests_name("hst", tests, NULL, NULL);
}
