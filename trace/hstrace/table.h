// SPDX-License-Identifier: MIT
/*
 * table.h - tables of what exits cost: the rows of stat, of its live view, and of diff.
 */
#ifndef HST_TABLE_H
#define HST_TABLE_H

#include "file/hst.h"

enum hst_unit {
	HST_UNIT_NONE, /* counts only */
	HST_UNIT_INSTRUCTIONS,
	HST_UNIT_TIME, /* ticks */
};

/* ORDER: --by (stat.c) */
enum hst_by {
	HST_BY_CAUSE, /* by scause; without a selection the host's own table, with its classes */
	HST_BY_SBI,   /* extension, function */
	HST_BY_MMIO,  /* device or page, direction */
	HST_BY_REG,   /* the same by address */
	HST_BY_VCPU,
	HST_BY_EVENT,
	HST_NR_BY,
};

#define HST_TITLE_SIZE 40

struct hst_row {
	u64 key[3];
	char title[HST_TITLE_SIZE];
	u64 count;
	u64 priced; /* of them, those that have a cost: in what follows */
	u64 sum, max;
	u64 *hist;  /* HIST_BUCKETS; NULL: none priced */
	bool whole; /* the histogram holds all that are priced */
};

struct hst_table {
	enum hst_by by;
	enum hst_unit unit;
	u64 timebase_hz;
	size_t n, room;
	struct hst_row *rows;
	unsigned int *slots; /* hash of key to index + 1; 0: free */
	u64 unpriced;        /* exits without a cost, where costs are */
	u64 events, lost;    /* of the trace, if it comes from events */
};

#define HST_MAX_ROWS 2048 /* what has no room counts in the row "others" */

void hst_table_init(struct hst_table *table, enum hst_by by, const struct hst_file *file);
void hst_table_free(struct hst_table *table);
/* The row of a key, made if there is none; NULL if memory is short. Valid until the next call. */
struct hst_row *hst_table_row(struct hst_table *table, const u64 key[3]);
/* One cost more; -1 if memory is short. */
int hst_row_price(struct hst_row *row, u64 cost);
/* now - before, row by row; before may be NULL. -1 if memory is short. */
int hst_table_subtract(struct hst_table *delta, const struct hst_table *now,
		       const struct hst_table *before);
/* Adds the rows of `more`. -1 if memory is short. */
int hst_table_add(struct hst_table *table, const struct hst_table *more);
/* Sorted by "count", "sum", "mean", "max" or "name"; keys no longer find rows. */
void hst_table_sort(struct hst_table *table, const char *order);

/* The host's own table of exits, by cause and class; -1 after saying why. */
int hst_table_from_stats(struct hst_table *table, const struct hst_file *file);
/* What the host's table calls the row of a slot; title has HST_TITLE_SIZE. */
void hst_slot_title(const struct hst_file *file, unsigned int slot, char *title);
/* From the events that are chosen (by.c); select may be NULL. -1 after saying why. */
int hst_table_from_events(struct hst_table *table, struct hst_file *file,
			  const struct hst_select *select);

enum hst_unit hst_unit_of(const struct hst_file *file);
/* The value that `percent` of the priced do not exceed, at most 1/64 off. */
u64 hst_percentile(const struct hst_row *row, unsigned int percent);
/* A cost, nine wide: instructions as they are, time in microseconds. */
void hst_print_cost(const struct hst_table *table, u64 value, FILE *out);

struct hst_by_kind {
	const char *name;    /* of --by */
	const char *counted; /* what the rows count */
	const char *title;   /* of the first column */
	const char *events;  /* that it needs */
};
extern const struct hst_by_kind hst_by_kinds[HST_NR_BY]; /* by.c */

struct hst_stat_options {
	enum hst_by by;
	const char *order;               /* as hst_table_sort() has it */
	const struct hst_select *select; /* NULL: the host's own table, if by cause */
	const char *live;                /* the run's folder, or NULL */
	u64 interval;                    /* seconds between tables */
	u64 count;                       /* tables; 0: until the run ends */
};

/* --by and --sort: the words it had, 0 if argv[0] is neither, -1 after saying what is wrong. */
int hst_table_option(struct hst_stat_options *options, int argc, char **argv);
int hst_stat(struct hst_file *file, const struct hst_stat_options *options, FILE *out);
/* live.c: the same of a run that goes on, to standard output; -1 after saying why */
int hst_live(const struct hst_stat_options *options);

/* device.c: the device (or page) that answers at gpa, and which way; gives its first address. */
u64 hst_device(const struct hst_file *file, u64 gpa, char *name, size_t size);

#endif
