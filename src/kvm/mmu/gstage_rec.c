// SPDX-License-Identifier: MIT
/*
 * gstage_rec.c - the G-stage walker as recursion (toggle gstage_walk=recursive).
 *
 * Each *_in() function handles one table and calls itself for the next. This form reads like the
 * specification's algorithm (S §3.2). It is built with -fno-optimize-sibling-calls: otherwise, the
 * compiler would turn the tail calls of find_in() and map_in() into the loops of gstage_iter.c, and
 * for find and map the toggle would not compare anything.
 *
 * The recursion is at most GSTAGE_MAX_LEVELS deep. Locks: mmu_lock (see gstage.h).
 */
#include <asm-generic/errno.h>
#include "hv/trace.h"
#include "mmu/gstage.h"

static int find_in(const struct gstage *gs, hpa_t pa, unsigned int level, gpa_t gpa,
		   struct gstage_leaf *leaf)
{
	/* lab 4: write find_in: find the leaf that maps gpa, in this table or below it */
	pte_t *table = hv_page_map(pa);
	pte_t pte = table[gstage_index(gs, gpa, level)];

	gstage_table_unmap(table);
	trace_gstage_step(gpa, level, pte);
	if (!(pte & PTE_V))
		return -ENOENT;
	if (pte_is_leaf(pte)) {
		*leaf = (struct gstage_leaf){ .pte = pte, .level = level };
		return 0;
	}
	if (level == 0)
		return -EFAULT;
	return find_in(gs, pte_to_hpa(pte), level - 1, gpa, leaf);
	/* lab 4 end */
}

static int rec_find(const struct gstage *gs, gpa_t gpa, struct gstage_leaf *leaf)
{
	return find_in(gs, gs->root, gs->levels - 1, gpa, leaf);
}

/* The arguments of a map call, which are the same at every depth. */
struct map_request {
	gpa_t gpa;
	unsigned int level;
	pte_t pte;
	pte_t *old;
};

/*
 * Set the requested leaf, in `table` or below it. Takes over the table's kernel mapping, and unmaps
 * it.
 */
static int map_in(struct gstage *gs, pte_t *table, unsigned int level,
		  const struct map_request *req)
{
	/* lab 4: write map_in: set the requested leaf, in this table or below it */
	pte_t *ptep = &table[gstage_index(gs, req->gpa, level)];
	pte_t *next = NULL;
	int err;

	if (level == req->level) {
		err = gstage_set_leaf(ptep, level, req->pte, req->old);
		gstage_table_unmap(table);
		return err;
	}
	trace_gstage_step(req->gpa, level, *ptep);
	if (!(*ptep & PTE_V))
		next = gstage_table_add(gs, ptep, req->gpa, level);
	else if (pte_is_table(*ptep) || gstage_split(gs, ptep, level, req->gpa) == 0)
		next = gstage_table_map(*ptep);
	gstage_table_unmap(table);
	return next ? map_in(gs, next, level - 1, req) : -ENOMEM;
	/* lab 4 end */
}

static int rec_map(struct gstage *gs, gpa_t gpa, unsigned int level, pte_t pte, pte_t *old)
{
	struct map_request req = { .gpa = gpa, .level = level, .pte = pte, .old = old };

	return map_in(gs, hv_page_map(gs->root), gs->levels - 1, &req);
}

/*
 * Change the entries that the range touches in the table at `pa`, whose first entry maps `base`,
 * and in the tables below it. *changed becomes true if some entry was changed. Returns true if the
 * piece ends.
 */
static bool change_in(struct gstage *gs, hpa_t pa, unsigned int level, gpa_t base,
		      struct gstage_range *range, bool *changed)
{
	/* lab 4: write change_in: change each entry that the range touches, and those below it */
	struct gstage_span span = gstage_span(gs, level, base, range->from, range->end);
	pte_t *table = hv_page_map(pa);
	bool stops = false;

	if (level == 0)
		stops = gstage_change_leaves(gs, table, base, &span, range, changed);
	for (; level > 0 && gstage_span_next(gs, &span, table); span.next++) {
		gpa_t gpa = base + span.next * gstage_size(level);
		pte_t *ptep = &table[span.next];

		stops = gstage_range_stops(gs, range, gpa);
		if (stops)
			break;
		trace_gstage_step(gpa, level, *ptep);
		if (pte_is_table(*ptep)) {
			stops = change_in(gs, pte_to_hpa(*ptep), level - 1, gpa, range, changed);
			if (stops)
				break;
			*changed |= gstage_change_table(gs, ptep, level, gpa, range);
		} else {
			*changed |= gstage_change_leaf(gs, ptep, level, gpa, range->what);
		}
	}
	gstage_table_unmap(table);
	return stops;
	/* lab 4 end */
}

static bool rec_change(struct gstage *gs, struct gstage_range *range)
{
	bool changed = false;

	change_in(gs, gs->root, gs->levels - 1, 0, range, &changed);
	return changed;
}

/* Free the tables below the table at `pa`, whose first entry maps `base`. */
static void free_in(struct gstage *gs, hpa_t pa, unsigned int level, gpa_t base)
{
	/* lab 4: write free_in: free the tables below this one, lowest first */
	struct gstage_span span = gstage_span(gs, level, base, base, gstage_limit(gs));
	pte_t *table = hv_page_map(pa);

	for (; level > 0 && gstage_span_next(gs, &span, table); span.next++) {
		gpa_t gpa = base + span.next * gstage_size(level);

		if (!pte_is_table(table[span.next]))
			continue;
		free_in(gs, pte_to_hpa(table[span.next]), level - 1, gpa);
		gstage_table_free(gs, table[span.next], level, gpa);
	}
	gstage_table_unmap(table);
	/* lab 4 end */
}

static void rec_free(struct gstage *gs)
{
	free_in(gs, gs->root, gs->levels - 1, 0);
}

const struct gstage_ops gstage_rec_ops = {
	.name = "recursive",
	.find = rec_find,
	.map = rec_map,
	.change = rec_change,
	.free = rec_free,
};
