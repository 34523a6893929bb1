// SPDX-License-Identifier: MIT
/*
 * table.c - tables of counts and costs: look up rows, add, subtract, sort, compute percentiles.
 *
 * Count, mean and max are exact. Percentiles come from log-linear histograms (hv/trace_mem.h) and
 * are off by at most 1/64. The unit of costs, and whether costs mean anything, depend on the
 * machine; in the last two cases, the boot argument exitstat= can set another unit or none:
 *
 *   icount, several harts            none: all harts share one instret counter, and run
 *                                    alternately in long slices
 *   otherwise, instret exact         instructions
 *   otherwise                        time, which depends on QEMU and its host: indicative only
 */
#include <stdlib.h>
#include <string.h>
#include "table.h"

#define NR_SLOTS (4 * HST_MAX_ROWS)
#define SHARES   10000 /* in hundredths of a percent */

enum hst_unit hst_unit_of(const struct hst_file *file)
{
	bool icount = hst_meta(file, "icount", 0) != 0;
	u64 harts = hst_meta(file, "harts", file->mem.nr_harts);

	if (file->mem.exit_unit == EXIT_UNIT_NONE || (icount && harts > 1))
		return HST_UNIT_NONE;
	if (file->mem.exit_unit == EXIT_UNIT_TIME)
		return HST_UNIT_TIME;
	return file->mem.instret_exact ? HST_UNIT_INSTRUCTIONS : HST_UNIT_NONE;
}

const char *hst_no_costs(const struct hst_file *file)
{
	if (file->mem.exit_unit == EXIT_UNIT_NONE)
		return "exits were not accounted";
	if (hst_meta(file, "icount", 0))
		return "with --icount, the harts run in turn";
	return "instret does not count instructions";
}

void hst_table_init(struct hst_table *table, enum hst_by by, const struct hst_file *file)
{
	memset(table, 0, sizeof(*table));
	table->by = by;
	table->unit = hst_unit_of(file);
	table->timebase_hz = file->mem.timebase_hz;
}

void hst_table_free(struct hst_table *table)
{
	for (size_t i = 0; i < table->n; i++)
		free(table->rows[i].hist);
	free(table->rows);
	free(table->slots);
	memset(table, 0, sizeof(*table));
}

static size_t hash(const u64 key[3])
{
	return (size_t)(hst_sum(HST_SUM_START, key, 3 * sizeof(key[0])) % NR_SLOTS);
}

/* Return the slot with this key, or the free slot in which to put it. */
static unsigned int *slot_of(const struct hst_table *table, const u64 key[3])
{
	size_t at = hash(key);

	while (table->slots[at] &&
	       memcmp(table->rows[table->slots[at] - 1].key, key, 3 * sizeof(key[0])))
		at = (at + 1) % NR_SLOTS;
	return &table->slots[at];
}

struct hst_row *hst_table_row(struct hst_table *table, const u64 key[3])
{
	static const u64 others[3] = { ~0ULL, ~0ULL, ~0ULL };
	unsigned int *slot;

	if (!table->slots)
		table->slots = calloc(NR_SLOTS, sizeof(*table->slots));
	if (!table->slots)
		return NULL;
	slot = slot_of(table, key);
	if (!*slot && table->n >= HST_MAX_ROWS) {
		key = others;
		slot = slot_of(table, key);
	}
	if (*slot)
		return &table->rows[*slot - 1];
	if (table->n == table->room) {
		size_t room = table->room ? table->room * 2 : 64;
		struct hst_row *rows = realloc(table->rows, room * sizeof(*rows));

		if (!rows)
			return NULL;
		table->rows = rows;
		table->room = room;
	}
	table->rows[table->n] = (struct hst_row){ .whole = true };
	memcpy(table->rows[table->n].key, key, 3 * sizeof(key[0]));
	if (key == others)
		strcpy(table->rows[table->n].title, "others");
	*slot = (unsigned int)++table->n;
	return &table->rows[table->n - 1];
}

/* ---- costs ---- */

static unsigned int bucket_of(u64 value)
{
	unsigned int shift;

	if (value < 2U << HIST_SUB_BITS)
		return (unsigned int)value;
	if (value >= HIST_LIMIT)
		return HIST_BUCKETS - 1;
	shift = (unsigned int)(63 - __builtin_clzll(value)) - HIST_SUB_BITS;
	return (shift << HIST_SUB_BITS) + (unsigned int)(value >> shift);
}

/* Return the middle of a bucket; buckets below 64 have one value each. */
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

static int need_hist(struct hst_row *row)
{
	if (!row->hist)
		row->hist = calloc(HIST_BUCKETS, sizeof(*row->hist));
	return row->hist ? 0 : -1;
}

int hst_row_price(struct hst_row *row, u64 cost)
{
	if (need_hist(row))
		return -1;
	row->priced++;
	row->sum += cost;
	if (cost > row->max)
		row->max = cost;
	row->hist[bucket_of(cost)]++;
	return 0;
}

u64 hst_percentile(const struct hst_row *row, unsigned int percent)
{
	u64 n = 0, rank, seen = 0, value;

	for (unsigned int i = 0; i < HIST_BUCKETS; i++)
		n += row->hist[i];
	rank = (n * percent + 99) / 100;
	for (unsigned int i = 0; i < HIST_BUCKETS; i++) {
		seen += row->hist[i];
		if (seen >= rank) {
			value = i == HIST_BUCKETS - 1 ? row->max : hst_bucket_value(i);
			return value < row->max ? value : row->max;
		}
	}
	return row->max;
}

void hst_print_cost(const struct hst_table *table, u64 value, FILE *out)
{
	if (table->unit == HST_UNIT_INSTRUCTIONS)
		fprintf(out, " %9llu", value);
	else
		fprintf(out, " %9.1f", (double)value * 1e6 / (double)table->timebase_hz);
}

void hst_print_costs(const struct hst_table *table, const struct hst_row *row, FILE *out)
{
	hst_print_cost(table, (row->sum + row->priced / 2) / row->priced, out);
	for (unsigned int percent = 50; percent <= 99; percent += 49)
		if (row->whole)
			hst_print_cost(table, hst_percentile(row, percent), out);
		else
			fprintf(out, " %9s", "-");
}

/* ---- tables ---- */

static int add_row(struct hst_table *table, const struct hst_row *more, bool subtract)
{
	struct hst_row *row = hst_table_row(table, more->key);
	u64 sign = subtract ? ~0ULL : 1;

	if (!row || (more->hist && need_hist(row)))
		return -1;
	memcpy(row->title, more->title, sizeof(row->title));
	row->count += sign * more->count;
	row->priced += sign * more->priced;
	row->sum += sign * more->sum;
	row->whole &= more->whole;
	if (more->max > row->max)
		row->max = more->max;
	for (unsigned int i = 0; more->hist && i < HIST_BUCKETS; i++)
		row->hist[i] += sign * more->hist[i];
	return 0;
}

int hst_table_add(struct hst_table *table, const struct hst_table *more)
{
	for (size_t i = 0; i < more->n; i++)
		if (add_row(table, &more->rows[i], false))
			return -1;
	table->unpriced += more->unpriced;
	table->events += more->events;
	table->lost += more->lost;
	return 0;
}

int hst_table_subtract(struct hst_table *delta, const struct hst_table *now,
		       const struct hst_table *before)
{
	if (hst_table_add(delta, now))
		return -1;
	for (size_t i = 0; i < before->n; i++)
		if (add_row(delta, &before->rows[i], true))
			return -1;
	delta->unpriced -= before->unpriced;
	return 0;
}

static u64 mean_of(const struct hst_row *row)
{
	return row->priced ? row->sum / row->priced : 0;
}

static int descending(u64 x, u64 y)
{
	return x == y ? 0 : x < y ? 1 : -1;
}

/* Return what rounding down the row's share leaves over; 0 if it has been rounded up. */
static u64 remainder_of(const struct hst_row *row, u64 total)
{
	u64 down = row->count * SHARES / total;

	return row->share == down ? row->count * SHARES % total : 0;
}

/*
 * Round all shares down, and then those with the largest remainders up until the sum is right. If
 * remainders are equal, the row with the higher count is first. report_base.js does the same.
 */
u64 hst_table_shares(struct hst_table *table)
{
	u64 total = 0, missing = SHARES;

	for (size_t i = 0; i < table->n; i++)
		total += table->rows[i].count;
	for (size_t i = 0; i < table->n && total; i++) {
		table->rows[i].share = (unsigned int)(table->rows[i].count * SHARES / total);
		missing -= table->rows[i].share;
	}
	for (; total && missing; missing--) {
		struct hst_row *best = table->rows;

		for (size_t i = 1; i < table->n; i++) {
			int order = descending(remainder_of(&table->rows[i], total),
					       remainder_of(best, total));

			if (order < 0 || (!order && table->rows[i].count > best->count))
				best = &table->rows[i];
		}
		best->share++;
	}
	return total;
}

/* Order equal rows by key, so that the same trace always gives the same table. */
static int by_key(const struct hst_row *x, const struct hst_row *y)
{
	int order = 0;

	for (int i = 0; i < 3 && !order; i++)
		order = -descending(x->key[i], y->key[i]);
	return order;
}

#define COMPARE(name, value)                               \
	static int by_##name(const void *a, const void *b) \
	{                                                  \
		const struct hst_row *x = a, *y = b;       \
		int order = value;                         \
                                                           \
		return order ? order : by_key(x, y);       \
	}

COMPARE(count, descending(x->count, y->count))
COMPARE(sum, descending(x->sum, y->sum))
COMPARE(mean, descending(mean_of(x), mean_of(y)))
COMPARE(max, descending(x->max, y->max))
COMPARE(name, strcmp(x->title, y->title))

void hst_table_sort(struct hst_table *table, const char *order)
{
	int (*compare)(const void *, const void *) = by_count;

	if (!strcmp(order, "sum"))
		compare = by_sum;
	else if (!strcmp(order, "mean"))
		compare = by_mean;
	else if (!strcmp(order, "max"))
		compare = by_max;
	else if (!strcmp(order, "name"))
		compare = by_name;
	if (table->n)
		qsort(table->rows, table->n, sizeof(table->rows[0]), compare);
	free(table->slots);
	table->slots = NULL;
}

/* ---- the host's own table ---- */

void hst_slot_title(const struct hst_file *file, unsigned int slot, char *title)
{
	char buf[HST_NAME_SIZE];
	const char *name;

	if (slot >= EXIT_SLOT_CLASS)
		name = file->class_title[slot] ? file->class_title[slot] : "unknown class";
	else if (slot == EXIT_SLOT_IRQ - 1)
		name = "exception, custom";
	else if (slot == EXIT_SLOT_CLASS - 1)
		name = "interrupt, custom";
	else
		name = hst_name_cause(
			slot < EXIT_SLOT_IRQ ? slot : 1ULL << 63 | (slot - EXIT_SLOT_IRQ), buf);
	snprintf(title, HST_TITLE_SIZE, "%.*s", HST_TITLE_SIZE - 1, name);
}

int hst_table_from_stats(struct hst_table *table, const struct hst_file *file)
{
	u64 left = ~0ULL / SHARES; /* hst_table_shares() multiplies the sum of all counts */

	for (unsigned int i = 0; i < HST_MAX_SLOTS; i++) {
		const struct exit_stat *stat = file->stat[i];
		u64 key[3] = { i, 0, 0 };
		struct hst_row *row;

		if (!stat || !stat->count)
			continue;
		if (stat->unpriced > stat->count || stat->count > left) {
			hst_error(file->path, "the trace is damaged: invalid exit counts");
			return -1;
		}
		left -= stat->count;
		row = hst_table_row(table, key);
		if (!row || need_hist(row)) {
			hst_error(file->path, "out of memory");
			return -1;
		}
		hst_slot_title(file, i, row->title);
		row->count = stat->count;
		row->priced = stat->count - stat->unpriced;
		row->sum = stat->sum;
		row->max = stat->max;
		row->whole = file->hist_sum[i] == row->priced; /* no bucket overflowed */
		memcpy(row->hist, file->hist[i], HIST_BUCKETS * sizeof(*row->hist));
		table->unpriced += stat->unpriced;
	}
	return 0;
}
