// SPDX-License-Identifier: MIT
/*
 * table.h - tables of counts and costs of exits, for stat, its live view, diff and html.
 */
#ifndef HST_TABLE_H
#define HST_TABLE_H

#include "file/hst.h"

struct hst_guest;

/* ORDER: --by (stat.c) */
enum hst_by {
	HST_BY_CAUSE, /* scause; without a selection, the host's own table with its classes */
	HST_BY_SBI,   /* extension and function */
	HST_BY_MMIO,  /* device or page, and direction */
	HST_BY_REG,   /* address and direction */
	HST_BY_VCPU,
	HST_BY_NESTING,  /* level (key[0]: as in hst_seen) and class (key[2]: its slot) */
	HST_BY_PC,       /* guest's address */
	HST_BY_FUNCTION, /* guest's function */
	HST_BY_EVENT,
	HST_NR_BY,
};

#define HST_TITLE_SIZE 128 /* longer names of functions are cut off */

struct hst_row {
	u64 key[3];
	char title[HST_TITLE_SIZE];
	u64 count;
	unsigned int share; /* of all counts, in hundredths of a percent: hst_table_shares() */
	u64 priced;         /* how many of `count` have a cost; the fields below cover only these */
	u64 sum, max;
	u64 *hist;  /* HIST_BUCKETS counters; may be NULL if priced is 0 */
	bool whole; /* the histogram is complete: no 32-bit bucket overflowed */
};

struct hst_table {
	enum hst_by by;
	enum hst_unit unit;
	u64 timebase_hz;
	struct hst_guest *guest; /* symbols, for by pc and function; NULL: none */
	bool classes; /* by pc and function: one row per exit class, its slot in key[2] */
	size_t n, room;
	struct hst_row *rows;
	unsigned int *slots; /* hash table: row index + 1 by key; 0: free */
	u64 unpriced;        /* exits without a cost */
	u64 events, lost;    /* in the trace, if the table comes from events */
};

#define HST_MAX_ROWS 2048 /* further keys are counted in the row "others" */

void hst_table_init(struct hst_table *table, enum hst_by by, const struct hst_file *file);
void hst_table_free(struct hst_table *table);
/*
 * Find or create the row of a key. Returns NULL if out of memory; the pointer is valid until the
 * next call.
 */
struct hst_row *hst_table_row(struct hst_table *table, const u64 key[3]);
/* Add one cost. Returns -1 if out of memory. */
int hst_row_price(struct hst_row *row, u64 cost);
/*
 * delta = now - before, row by row, except max, which is that of `now`. delta must be empty. Returns
 * -1 if out of memory.
 */
int hst_table_subtract(struct hst_table *delta, const struct hst_table *now,
		       const struct hst_table *before);
/* Add the rows of `more`. Returns -1 if out of memory. */
int hst_table_add(struct hst_table *table, const struct hst_table *more);
/* Compute the rows' shares, rounded so that they add up to 100.00 %. Returns the sum of counts. */
u64 hst_table_shares(struct hst_table *table);
/* Sort by "count", "sum", "mean", "max" or "name". Then hst_table_row() doesn't find the rows. */
void hst_table_sort(struct hst_table *table, const char *order);

/* Fill in the host's own exit table, by cause and class. Returns -1 after printing the reason. */
int hst_table_from_stats(struct hst_table *table, const struct hst_file *file);
/* Put the title of a slot's row in the host's table into `title` (HST_TITLE_SIZE bytes). */
void hst_slot_title(const struct hst_file *file, unsigned int slot, char *title);
/* by.c: fill in a table from the chosen events; select may be NULL. Returns -1 on error. */
int hst_table_from_events(struct hst_table *table, struct hst_file *file,
			  const struct hst_select *select);

enum hst_unit hst_unit_of(const struct hst_file *file);
/* The reason why the unit is HST_UNIT_NONE. */
const char *hst_no_costs(const struct hst_file *file);
/* Return a percentile of the row's costs, off by at most 1/64. The row must have a histogram. */
u64 hst_percentile(const struct hst_row *row, unsigned int percent);
/* Print a blank and a cost, nine columns wide, in instructions or microseconds. */
void hst_print_cost(const struct hst_table *table, u64 value, FILE *out);
/* Print the mean, p50 and p99 of a row that has costs, each as hst_print_cost() does. */
void hst_print_costs(const struct hst_table *table, const struct hst_row *row, FILE *out);

struct hst_by_kind {
	const char *name;    /* the argument of --by */
	const char *counted; /* what the rows count */
	const char *title;   /* of the first column */
	const char *events;  /* that the table needs */
	bool is_code;        /* rows are the guest's code: they need symbols and have long titles */
};
extern const struct hst_by_kind hst_by_kinds[HST_NR_BY]; /* by.c */
/* Return how many characters of a title to print in a column of 23: all of a function's name. */
static inline int hst_title_width(enum hst_by by)
{
	return hst_by_kinds[by].is_code ? HST_TITLE_SIZE : 23;
}

struct hst_stat_options {
	enum hst_by by;
	const char *order;               /* for hst_table_sort() */
	const struct hst_select *select; /* NULL: all events (by cause: the host's own table) */
	struct hst_guest *guest;         /* symbols */
	const char *live;                /* the run's folder, or NULL */
	const char *folded;              /* "cost" or "count": print stacks; NULL: a table */
	u64 interval;                    /* seconds between tables; 0: 1 s */
	u64 count; /* number of tables; 0: no limit on a terminal, otherwise one */
};

/*
 * Parse --by, --sort or an option that names symbols. Returns the same values as
 * hst_select_option().
 */
int hst_table_option(struct hst_stat_options *options, int argc, char **argv);
/* After parsing: return 0, or -1 after printing that options contradict each other. */
int hst_table_check(const struct hst_stat_options *options);
int hst_stat(struct hst_file *file, const struct hst_stat_options *options, FILE *out);
/* live.c: print tables of a running machine. Returns -1 after printing the reason. */
int hst_live(const struct hst_stat_options *options);

/*
 * observation.c: put a sentence or more about the events and the accounting that were on into
 * `text`, with their cost, and whether costs in this unit include it.
 */
void hst_observation(const struct hst_file *file, enum hst_unit unit, char *text, size_t size);
/*
 * Put into `text` how costs from the events of this file differ from those of the exit table; an
 * empty text if they are the same.
 */
void hst_costs_differ(const struct hst_file *file, enum hst_unit unit, char *text, size_t size);
/* Print `head` and the text in lines of at most 80 columns, all but the first indented by two. */
void hst_print_wrapped(const char *head, const char *text, FILE *out);

/* device.c: put the name of the device (or page) at gpa into `name`. Returns its base address. */
u64 hst_device(const struct hst_file *file, u64 gpa, char *name, size_t size);

#endif
