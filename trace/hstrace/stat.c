// SPDX-License-Identifier: MIT
/*
 * stat.c - `hstrace stat`: the exit table, with count, share and cost of each kind of exit.
 *
 * Rows by cause come from the host's own counters, which are exact even if the rings lost events.
 * With another --by, or if options select events, the rows come from the events in the file. So do
 * those of the table by nesting, which follows the exit table if a guest's guest has run.
 */
#include <stdlib.h>
#include <string.h>
#include "file/symbols.h"
#include "table.h"

static void print_row(const struct hst_table *table, const struct hst_row *row, const char *title,
		      FILE *out)
{
	bool is_code = hst_by_kinds[table->by].is_code;

	if (!is_code)
		fprintf(out, "%-23.23s ", title);
	fprintf(out, "%8llu %3u.%02u%%", row->count, row->share / 100, row->share % 100);
	if (table->unit != HST_UNIT_NONE && row->priced) {
		hst_print_costs(table, row, out);
		hst_print_cost(table, row->max, out);
	} else if (is_code && table->unit != HST_UNIT_NONE) {
		fprintf(out, "%40s", "");
	}
	if (is_code) /* last, because names of functions can be long */
		fprintf(out, " %s", title);
	fputc('\n', out);
}

/* By nesting: L1's rows, L2's and those of an unknown level, each under a heading. */
static void print_rows(const struct hst_table *table, FILE *out)
{
	static const char *const headings[] = { "L1\n", "L2\n", "level unknown\n" };
	unsigned int groups = table->by == HST_BY_NESTING ? 3 : 1;

	for (unsigned int group = 0; group < groups; group++) {
		bool headed = groups == 1;

		for (size_t i = 0; i < table->n; i++) {
			const struct hst_row *row = &table->rows[i];

			if (groups > 1 && row->key[0] != (group + 1) % 3)
				continue;
			if (!headed)
				fputs(headings[group], out);
			headed = true;
			print_row(table, row, row->title + (groups > 1 ? strlen("L1 ") : 0), out);
		}
	}
}

static void print_heading(const struct hst_file *file, const struct hst_table *table, u64 total,
			  FILE *out)
{
	static const char *const units[] = {
		[HST_UNIT_INSTRUCTIONS] = "cost in instructions, from exit to next entry",
		[HST_UNIT_TIME] = "cost in microseconds of host time: indicative only",
	};
	static const char from_records[] = "cost in instructions, from kvm_exit to kvm_entry";
	const struct hst_by_kind *kind = &hst_by_kinds[table->by];
	bool records =
		table->events && !file->exits.has_cost && table->unit == HST_UNIT_INSTRUCTIONS;
	bool priced = table->unit != HST_UNIT_NONE && table->by != HST_BY_EVENT;

	fprintf(out, "%s: %llu", kind->counted, total);
	if (table->by != HST_BY_EVENT && table->unit == HST_UNIT_NONE)
		fprintf(out, "; counts only (%s)", hst_no_costs(file));
	else if (table->by != HST_BY_EVENT)
		fprintf(out, "; %s", records ? from_records : units[table->unit]);
	fputc('\n', out);
	if (!kind->is_code)
		fprintf(out, "%-23s ", kind->title);
	fprintf(out, "%8s %7s", "count", "share");
	if (priced)
		fprintf(out, " %9s %9s %9s %9s", "mean", "p50", "p99", "max");
	fprintf(out, "%s%s\n", kind->is_code ? " " : "", kind->is_code ? kind->title : "");
}

static void print_notes(const struct hst_file *file, const struct hst_table *table, FILE *out)
{
	u64 total, lost;
	char observation[1024], differ[512];

	if (table->unpriced && table->by != HST_BY_EVENT && table->unit != HST_UNIT_NONE)
		fprintf(out, "%s: %llu\n",
			table->events ? "exits whose cost is not in the trace"
				      : "exits without a cost, because the vCPU changed harts or "
					"did not run again",
			table->unpriced);
	total = hst_total(file, &lost);
	if (lost)
		fprintf(out, "events: %llu, of which %llu are lost (trace.size=); %s\n", total,
			lost, table->events ? "the rest is shown" : "the table is exact");
	if (table->by == HST_BY_EVENT)
		return;
	hst_costs_differ(file, table->unit, differ, sizeof(differ));
	if (table->events && differ[0])
		hst_print_wrapped("costs:", differ, out);
	hst_observation(file, table->unit, observation, sizeof(observation));
	hst_print_wrapped("observation:", observation, out);
}

static void print_code_notes(const struct hst_table *table, FILE *out)
{
	if (!hst_by_kinds[table->by].is_code)
		return;
	if (table->n > HST_MAX_ROWS)
		fprintf(out, "others: exits beyond the first %d rows\n", HST_MAX_ROWS);
	if (table->guest)
		hst_guest_print(table->guest, out);
}

static int nothing(const struct hst_file *file, const struct hst_table *table,
		   const struct hst_stat_options *options, FILE *out)
{
	bool from_events = table->by != HST_BY_CAUSE || options->select;

	if (table->events && options->select)
		fprintf(out, "%s: none among the selected events\n",
			hst_by_kinds[table->by].counted);
	else if (from_events)
		fprintf(out, "%s: none in the trace (--trace %s,... records such events)\n",
			hst_by_kinds[table->by].counted, hst_by_kinds[table->by].events);
	else if (file->mem.exit_unit == EXIT_UNIT_NONE)
		fputs("exits: not accounted (exitstat=0)\n", out);
	else
		fputs(file->damaged ? "exits: their counters are missing, because the file is "
				      "truncated or damaged\n"
				    : "exits: none; no guest ran\n",
		      out);
	return 0;
}

/* Return the sum of a row's costs, in instructions or ns. */
static u64 cost_of(const struct hst_table *table, const struct hst_row *row)
{
	if (table->unit == HST_UNIT_INSTRUCTIONS)
		return row->sum;
	return (u64)((unsigned __int128)row->sum * 1000000000 / table->timebase_hz);
}

/* Print a stack for each function and exit class, for scripts/hyperscope flamegraph. */
static int print_folded(const struct hst_file *file, struct hst_table *table, bool cost, FILE *out)
{
	if (!table->n) {
		hst_error(file->path, "no exit is in the trace or selected");
		return -1;
	}
	if (cost && table->unit == HST_UNIT_NONE) {
		hst_error(file->path, "its exits have no costs; use --folded count");
		return -1;
	}
	hst_table_sort(table, "name");
	for (size_t i = 0; i < table->n; i++) {
		const struct hst_row *row = &table->rows[i];
		u64 value = cost ? cost_of(table, row) : row->count;
		char title[HST_TITLE_SIZE] = "all causes"; /* of the row "others" */

		if (!value)
			continue;
		if (row->key[2] < HST_MAX_SLOTS)
			hst_slot_title(file, (unsigned int)row->key[2], title);
		title[strcspn(title, ";")] = '\0'; /* a damaged file's title */
		fprintf(out, "guest %s;%s;%s %llu\n",
			row->key[0] == HST_CODE_USER ? "user" : "kernel", row->title, title, value);
	}
	return 0;
}

/* Print the table by nesting after the exit table, if the trace has exits of a guest's guest. */
static int print_levels(struct hst_file *file, const char *order, FILE *out)
{
	struct hst_table table;
	bool found;
	u64 total;
	int err;

	if (hst_find_l2(file, &found))
		return -1;
	if (!found)
		return 0;
	hst_table_init(&table, HST_BY_NESTING, file);
	err = hst_table_from_events(&table, file, NULL);
	total = hst_table_shares(&table);
	if (!err && total) {
		hst_table_sort(&table, order);
		fputc('\n', out);
		print_heading(file, &table, total, out);
		print_rows(&table, out);
		if (table.lost)
			fprintf(out, "exits whose events are lost are missing\n");
	}
	hst_table_free(&table);
	return err;
}

int hst_stat(struct hst_file *file, const struct hst_stat_options *options, FILE *out)
{
	bool counters = options->by == HST_BY_CAUSE && !options->select;
	struct hst_table table;
	u64 total;
	int err;

	hst_table_init(&table, options->by, file);
	table.guest = options->guest;
	table.classes = options->folded;
	if (counters)
		err = hst_table_from_stats(&table, file);
	else
		err = hst_table_from_events(&table, file, options->select);
	if (err)
		goto free_table;
	total = hst_table_shares(&table);
	if (options->folded) {
		err = print_folded(file, &table, !strcmp(options->folded, "cost"), out);
		if (!err)
			hst_print_lost(file, "counted");
		goto free_table;
	}
	if (!total) {
		err = nothing(file, &table, options, out);
		goto free_table;
	}
	hst_table_sort(&table, options->order);
	print_heading(file, &table, total, out);
	print_rows(&table, out);
	print_notes(file, &table, out);
	print_code_notes(&table, out);
	if (counters)
		err = print_levels(file, options->order, out);
free_table:
	hst_table_free(&table);
	return err;
}

/* ---- the command ---- */

const char hst_stat_help[] =
	"  --by WHAT       rows by cause (default), sbi (SBI function), mmio (device),\n"
	"                  reg (device register), vcpu, nesting (L1 and L2, by cause),\n"
	"                  pc (address in the guest), function (of the guest) or event;\n"
	"                  rows by cause come from exact counters, one for each class,\n"
	"                  all others from events\n"
	"  --sort KEY      sort by count (default), sum, mean, max or name\n"
	"  --folded WHAT   with --by function or pc: print FUNCTION;CAUSE stacks for\n"
	"                  hyperscope flamegraph; WHAT is their width: cost (in\n"
	"                  instructions or ns) or count (of exits)\n"
	"  --live RUN      show a run in progress; RUN is its folder: build/runs/last\n"
	"  --interval S    with --live: print a table every S seconds (default: 1)\n"
	"  --count N       with --live: end after N tables (default: no limit on a\n"
	"                  terminal, else 1)\n"
	"For rows from events, costs need kvm_exit and kvm_exit_cost (or kvm_entry) in\n"
	"the trace; --by sbi also needs kvm_sbi_call, and mmio and reg need kvm_mmio. If\n"
	"one of the options from --events on selects events, rows by cause also come\n"
	"from events.\n";

static int set_by(struct hst_stat_options *o, const char *value)
{
	for (int by = 0; by < HST_NR_BY; by++)
		if (!strcmp(hst_by_kinds[by].name, value)) {
			o->by = (enum hst_by)by;
			return 2;
		}
	hst_wrong_use("--by takes cause, sbi, mmio, reg, vcpu, nesting, pc, function or event, not",
		      value);
	return -1;
}

static int set_order(struct hst_stat_options *o, const char *value)
{
	static const char *const orders[] = { "count", "sum", "mean", "max", "name" };

	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++)
		if (!strcmp(orders[i], value)) {
			o->order = orders[i];
			return 2;
		}
	hst_wrong_use("--sort takes count, sum, mean, max or name, not", value);
	return -1;
}

static int set_folded(struct hst_stat_options *o, const char *value)
{
	o->folded = value;
	if (!strcmp(value, "cost") || !strcmp(value, "count"))
		return 2;
	hst_wrong_use("--folded takes cost or count, not", value);
	return -1;
}

static int set_count(u64 *what, const char *option, const char *value)
{
	char message[64], *end;

	*what = strtoull(value, &end, 10);
	if (*value >= '1' && *value <= '9' && !*end && *what <= 1000000)
		return 2;
	snprintf(message, sizeof(message), "%s takes a number from 1 to 1000000, not", option);
	hst_wrong_use(message, value);
	return -1;
}

int hst_table_option(struct hst_stat_options *o, int argc, char **argv)
{
	bool by = !strcmp(argv[0], "--by");

	if (!by && strcmp(argv[0], "--sort"))
		return hst_guest_option(o->guest, argc, argv);
	if (argc > 1)
		return by ? set_by(o, argv[1]) : set_order(o, argv[1]);
	hst_wrong_use("no value given for", argv[0]);
	return -1;
}

int hst_table_check(const struct hst_stat_options *o)
{
	bool is_code = hst_by_kinds[o->by].is_code;

	if (!is_code && (o->folded || hst_guest_is_named(o->guest)))
		hst_wrong_use(o->folded ? "--folded needs --by function or --by pc"
					: "--kallsyms and --elf need --by function or --by pc",
			      NULL);
	else if (o->folded && o->live)
		hst_wrong_use("--folded cannot be combined with --live", NULL);
	else if (!o->live && (o->interval || o->count))
		hst_wrong_use("--interval and --count need --live", NULL);
	else
		return 0;
	return -1;
}

/* Parse an option of stat. Returns the same values as hst_select_option(). */
static int own_option(struct hst_stat_options *o, int argc, char **argv)
{
	static const char *const names[] = { "--live", "--interval", "--count", "--folded" };
	size_t i = 0;

	while (i < 4 && strcmp(argv[0], names[i]))
		i++;
	if (i == 4)
		return hst_table_option(o, argc, argv);
	if (argc < 2) {
		hst_wrong_use("no value given for", argv[0]);
		return -1;
	}
	if (i == 3)
		return set_folded(o, argv[1]);
	if (i)
		return set_count(i == 1 ? &o->interval : &o->count, argv[0], argv[1]);
	o->live = argv[1];
	return 2;
}

static int options(struct hst_stat_options *o, struct hst_select *select, int argc, char **argv)
{
	int at = 0;

	for (int used; at < argc && argv[at][0] == '-'; at += used) {
		used = own_option(o, argc - at, argv + at);
		if (!used) {
			used = hst_select_option(select, argc - at, argv + at);
			if (used > 0)
				o->select = select;
		}
		if (!used)
			hst_wrong_use("stat has no option", argv[at]);
		if (used <= 0)
			return -1;
	}
	return at;
}

int hst_cmd_stat(int argc, char **argv)
{
	static struct hst_file file;
	struct hst_stat_options o = { .order = "count" };
	struct hst_select select = HST_SELECT_ALL;
	int used, status = 2;

	o.guest = hst_guest_new();
	if (!o.guest)
		return 1;
	used = options(&o, &select, argc, argv);
	if (used >= 0 && argc - used != (o.live ? 0 : 1)) {
		hst_wrong_use(o.live ? "stat --live RUN takes no FILE" : "stat takes one FILE",
			      NULL);
		used = -1;
	}
	if (used < 0 || hst_table_check(&o))
		goto free_select;
	if (o.live) {
		status = hst_finish(hst_live(&o));
		goto free_select;
	}
	status = 1;
	if (hst_open(&file, argv[used]))
		goto free_select;
	status = hst_finish(hst_stat(&file, &o, stdout));
	hst_close(&file);
free_select:
	hst_guest_free(o.guest);
	hst_select_free(&select);
	return status;
}
