// SPDX-License-Identifier: MIT
/*
 * hst_stat.c - the exit table: how often the guest left, why, and what it cost.
 *
 * Count, share, mean and max are exact. p50 and p99 come from the histograms, at
 * most 1/64 off. Which unit the costs have, and whether they mean anything, depends
 * on the machine; the heading says it:
 *
 *   instret exact, one hart          instructions
 *   icount, several harts            none: instret is one counter for all harts, and
 *                                    they take turns in long slices
 *   otherwise                        time, which QEMU and its host make: indicative
 */
#include <stdlib.h>
#include <string.h>
#include "hst.h"

struct row {
	unsigned int slot;
	const struct exit_stat *stat;
};

static int by_count(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->stat->count != y->stat->count)
		return x->stat->count < y->stat->count ? 1 : -1;
	return x->slot < y->slot ? -1 : 1;
}

/* The middle of a bucket; buckets below 64 hold one value each. */
u64 hst_bucket_value(unsigned int bucket)
{
	unsigned int shift;
	u64 low;

	if (bucket < 2U << HIST_SUB_BITS)
		return bucket;
	shift = (bucket >> HIST_SUB_BITS) - 1;
	low = (u64)(bucket - (shift << HIST_SUB_BITS)) << shift;
	return low + (1ULL << shift >> 1);
}

/* The value that `percent` of the exits do not exceed. */
static u64 percentile(const struct hst_file *file, const struct row *row, unsigned int percent)
{
	u64 n = file->hist_sum[row->slot], rank = (n * percent + 99) / 100, seen = 0, value;

	for (unsigned int i = 0; i < HIST_BUCKETS; i++) {
		seen += file->hist[row->slot][i];
		if (seen >= rank) {
			value = i == HIST_BUCKETS - 1 ? row->stat->max : hst_bucket_value(i);
			return value < row->stat->max ? value : row->stat->max;
		}
	}
	return row->stat->max;
}

static const char *row_title(const struct hst_file *file, unsigned int slot, char *buf)
{
	if (slot >= EXIT_SLOT_CLASS)
		return file->class_title[slot] ? file->class_title[slot] : "a later version's";
	if (slot == EXIT_SLOT_IRQ - 1)
		return "exception, custom";
	if (slot == EXIT_SLOT_CLASS - 1)
		return "interrupt, custom";
	return hst_name_cause(slot < EXIT_SLOT_IRQ ? slot : 1ULL << 63 | (slot - EXIT_SLOT_IRQ),
			      buf);
}

/* ---- costs as text: instructions as they are, time in microseconds ---- */

enum unit {
	UNIT_NONE,
	UNIT_INSTRUCTIONS,
	UNIT_TIME,
};

static enum unit unit_of(const struct hst_file *file)
{
	bool icount = hst_meta(file, "icount", 0) != 0;
	u64 harts = hst_meta(file, "harts", file->mem.nr_harts);

	if (file->mem.exit_unit == EXIT_UNIT_NONE || (icount && harts > 1))
		return UNIT_NONE;
	if (file->mem.exit_unit == EXIT_UNIT_TIME)
		return UNIT_TIME;
	return file->mem.instret_exact ? UNIT_INSTRUCTIONS : UNIT_NONE;
}

static void print_cost(const struct hst_file *file, enum unit unit, u64 value, FILE *out)
{
	if (unit == UNIT_INSTRUCTIONS)
		fprintf(out, " %9llu", value);
	else
		fprintf(out, " %9.1f", (double)value * 1e6 / (double)file->mem.timebase_hz);
}

static void print_row(const struct hst_file *file, enum unit unit, const struct row *row, u64 total,
		      FILE *out)
{
	u64 priced = row->stat->count - row->stat->unpriced;
	char buf[HST_NAME_SIZE];

	fprintf(out, "%-22.22s %9llu %6.2f%%", row_title(file, row->slot, buf), row->stat->count,
		100.0 * (double)row->stat->count / (double)total);
	if (unit != UNIT_NONE && priced) {
		bool whole = file->hist_sum[row->slot] == priced; /* no bucket overflowed */

		print_cost(file, unit, (row->stat->sum + priced / 2) / priced, out);
		for (unsigned int percent = 50; percent <= 99; percent += 49)
			if (whole)
				print_cost(file, unit, percentile(file, row, percent), out);
			else
				fprintf(out, " %9s", "-");
		print_cost(file, unit, row->stat->max, out);
	}
	fputc('\n', out);
}

static void print_heading(enum unit unit, u64 total, FILE *out)
{
	static const char *const units[] = {
		[UNIT_NONE] = "counts only (instret is shared by the harts, or not accounted)",
		[UNIT_INSTRUCTIONS] = "cost in instructions, from exit to next entry",
		[UNIT_TIME] = "cost in microseconds of host time: indicative only",
	};

	fprintf(out, "exits: %llu; %s\n", total, units[unit]);
	fprintf(out, "%-22s %9s %7s", "cause", "count", "share");
	if (unit != UNIT_NONE)
		fprintf(out, " %9s %9s %9s %9s", "mean", "p50", "p99", "max");
	fputc('\n', out);
}

static void print_notes(const struct hst_file *file, u64 unpriced, FILE *out)
{
	u64 written = 0, lost = 0;

	if (unpriced)
		fprintf(out,
			"%llu of them have no cost: the vCPU changed harts meanwhile, or ran no "
			"more\n",
			unpriced);
	for (unsigned int i = 0; i < HST_MAX_HARTS; i++) {
		written += file->ring[i].total;
		lost += file->ring[i].lost;
	}
	if (lost)
		fprintf(out,
			"events: %llu, of which the oldest %llu are lost (trace.size=); the table "
			"is exact\n",
			written, lost);
}

int hst_stat(struct hst_file *file, FILE *out)
{
	struct row rows[HST_MAX_SLOTS];
	enum unit unit = unit_of(file);
	u64 total = 0, unpriced = 0;
	size_t n = 0;

	for (unsigned int i = 0; i < HST_MAX_SLOTS; i++)
		if (file->stat[i] && file->stat[i]->count) {
			if (file->stat[i]->unpriced > file->stat[i]->count) {
				hst_error(file->path, "the trace is damaged: exit counts");
				return -1;
			}
			rows[n++] = (struct row){ i, file->stat[i] };
			total += file->stat[i]->count;
			unpriced += file->stat[i]->unpriced;
		}
	if (!total) {
		fprintf(out, file->mem.exit_unit == EXIT_UNIT_NONE
				     ? "exits: not accounted (exitstat=0)\n"
				     : "exits: none; no guest ran\n");
		return 0;
	}
	qsort(rows, n, sizeof(rows[0]), by_count);
	print_heading(unit, total, out);
	for (size_t i = 0; i < n; i++)
		print_row(file, unit, &rows[i], total, out);
	print_notes(file, unpriced, out);
	return 0;
}

int hst_cmd_stat(int argc, char **argv)
{
	static struct hst_file file;
	int err;

	if (argc != 1 || argv[0][0] == '-')
		return hst_wrong_use("stat takes one FILE", NULL);
	if (hst_open(&file, argv[0]))
		return 1;
	err = hst_stat(&file, stdout);
	hst_close(&file);
	return hst_finish(err);
}
