// SPDX-License-Identifier: MIT
/* levels.h - exits of L2 by kind, for `hstrace levels` and html. */
#ifndef HST_LEVELS_H
#define HST_LEVELS_H

#include "table.h"

#define LEVELS_TITLE     40
#define LEVELS_MAX_KINDS 256 /* more are counted as "others" */
#define LEVELS_MAX_PARTS 256
#define LEVELS_MAX_STEPS 1024 /* of an exit; further ones are added up by title */

/* An exit to L0, or the sum of several ones. */
struct levels_step {
	u64 before, cost; /* since the last step, mostly in L1; in L0 */
	u64 count;
	char title[LEVELS_TITLE];
};

/* An exit of L2, with the exits to L0 that belong to it. */
struct levels_exit {
	bool by_l1; /* who handles it: L1, or L0 alone */
	bool priced;
	const char *title;
	size_t nr_steps;
	const struct levels_step *steps;
};

struct levels_part {
	char title[LEVELS_TITLE];
	u64 count, cost;
};

/* All exits of L2 that the same level handles and that have the same title. */
struct levels_kind {
	bool by_l1;
	char title[HST_TITLE_SIZE];
	u64 count, priced, steps, l0, l1; /* l0, l1: costs of the priced exits */
	size_t nr_parts;
	struct levels_part *parts;
	/* If L1 handles them: the exit with the fewest steps; of these, the cheapest one. */
	size_t nr_example;
	bool example_priced;
	struct levels_step *example;
};

struct levels_table {
	struct hst_table unit; /* for hst_print_cost() */
	const char *no_costs;  /* the reason, if the unit is HST_UNIT_NONE */
	size_t n;
	struct levels_kind *kinds;
	u64 unfinished; /* exits that L1 was still handling at the end: not counted */
	bool gaps;      /* records are missing */
};

/* levels.c: return whether the events that a table needs were on. */
bool levels_recorded(const struct hst_file *file);
/*
 * Fill in a table from the chosen exits of L2, sorted by handler and count. each: print each exit
 * that L1 handles, or NULL. Returns -1 after printing the reason. Call levels_free() in any case.
 */
int levels_read(struct levels_table *table, struct hst_file *file, const struct hst_select *select,
		FILE *each);

/*
 * Return `array`, which has n elements of this size, with room for one more: its room is a power of
 * two. Returns NULL if out of memory.
 */
void *levels_grow(void *array, size_t n, size_t size);
/* Return how many exits to L0 the steps are. */
u64 levels_count(const struct levels_step *steps, size_t n);
/* Add an exit. Returns -1 if out of memory. */
int levels_add(struct levels_table *table, const struct levels_exit *exit);
void levels_print_steps(const struct levels_table *table, const struct levels_exit *exit,
			FILE *out);
void levels_sort(struct levels_table *table);
/* selected: only exits that options select are in it. */
void levels_print(const struct levels_table *table, bool selected, FILE *out);
void levels_free(struct levels_table *table);

#endif
