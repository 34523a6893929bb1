// SPDX-License-Identifier: MIT
/*
 * gstage_iter.c - the G-stage walker as loops (toggle gstage_walk=iterative).
 *
 * find and map go straight down. change and free keep the way down in an array (struct
 * walk) and move through the range like an odometer: down at a pointer, sideways at
 * anything else, up when a table or the range ends.
 *
 * The same contract recursively: gstage_rec.c. Locks: mmu_lock (see gstage.h).
 */
#include <asm-generic/errno.h>
#include "gstage.h"
#include "hv/trace.h"

static int iter_find(const struct gstage *gs, gpa_t gpa, struct gstage_leaf *leaf)
{
	pte_t *table = hv_page_map(gs->root);
	unsigned int level = gs->levels;
	pte_t pte;

	while (level-- > 0) {
		pte = table[gstage_index(gs, gpa, level)];
		gstage_table_unmap(table);
		trace_gstage_step(gpa, level, pte);
		if (!(pte & PTE_V))
			return -ENOENT;
		if (pte_is_leaf(pte)) {
			*leaf = (struct gstage_leaf){ .pte = pte, .level = level };
			return 0;
		}
		if (level > 0)
			table = gstage_table_map(pte);
	}
	return -EFAULT; /* a pointer at level 0 */
}

static int iter_map(struct gstage *gs, gpa_t gpa, unsigned int level, pte_t pte, pte_t *old)
{
	pte_t *table = hv_page_map(gs->root);
	unsigned int at;
	int err;

	for (at = gs->levels - 1; at > level; at--) {
		pte_t *ptep = &table[gstage_index(gs, gpa, at)];
		pte_t *next = NULL;

		trace_gstage_step(gpa, at, *ptep);
		if (!(*ptep & PTE_V))
			next = gstage_table_add(gs, ptep, gpa, at);
		else if (pte_is_table(*ptep) || gstage_split(gs, ptep, at, gpa) == 0)
			next = gstage_table_map(*ptep);
		gstage_table_unmap(table);
		if (!next)
			return -ENOMEM;
		table = next;
	}
	err = gstage_set_leaf(&table[gstage_index(gs, gpa, level)], level, pte, old);
	gstage_table_unmap(table);
	return err;
}

/* A walk over a range, and where it stands in the table of each level on its way down. */
struct walk {
	const struct gstage *gs;
	gpa_t start, end;
	unsigned int level; /* of the table that it is in */
	struct {
		pte_t *table;
		gpa_t base; /* that its first entry maps */
		struct gstage_span span;
	} at[GSTAGE_MAX_LEVELS];
};

static void walk_enter(struct walk *w, unsigned int level, pte_t *table, gpa_t base)
{
	w->level = level;
	w->at[level].table = table;
	w->at[level].base = base;
	w->at[level].span = gstage_span(w->gs, level, base, w->start, w->end);
}

/* On to an entry that is not empty; false: this table has none left. */
static bool walk_more(struct walk *w)
{
	return gstage_span_next(&w->at[w->level].span, w->at[w->level].table);
}

/* The entry at which the walk stands, and the first address that it maps. */
static pte_t *walk_entry(const struct walk *w, gpa_t *gpa)
{
	unsigned long i = w->at[w->level].span.next;

	*gpa = w->at[w->level].base + i * gstage_size(w->level);
	return &w->at[w->level].table[i];
}

/* Done with this entry, and with all below it. */
static void walk_on(struct walk *w)
{
	w->at[w->level].span.next++;
}

/* Done with this table: to the entry that led to it. False: it was the root. */
static bool walk_up(struct walk *w)
{
	gstage_table_unmap(w->at[w->level].table);
	return ++w->level < w->gs->levels;
}

static bool iter_change(struct gstage *gs, gpa_t start, gpa_t end, enum gstage_change what)
{
	struct walk w = { .gs = gs, .start = start, .end = end };
	bool changed = false;
	pte_t *ptep;
	gpa_t gpa;

	if (start >= end)
		return false;
	walk_enter(&w, gs->levels - 1, hv_page_map(gs->root), 0);
	for (;; walk_on(&w)) {
		while (walk_more(&w)) {
			ptep = walk_entry(&w, &gpa);
			trace_gstage_step(gpa, w.level, *ptep);
			if (w.level > 0 && pte_is_table(*ptep)) {
				walk_enter(&w, w.level - 1, gstage_table_map(*ptep), gpa);
				continue;
			}
			changed |= gstage_change_leaf(gs, ptep, w.level, gpa, what);
			walk_on(&w);
		}
		if (!walk_up(&w))
			return changed;
		ptep = walk_entry(&w, &gpa);
		changed |= gstage_change_table(gs, ptep, w.level, gpa, start, end, what);
	}
}

static void iter_free(struct gstage *gs)
{
	struct walk w = { .gs = gs, .start = 0, .end = gstage_limit(gs) };
	pte_t *ptep;
	gpa_t gpa;

	walk_enter(&w, gs->levels - 1, hv_page_map(gs->root), 0);
	for (;; walk_on(&w)) {
		while (w.level > 0 && walk_more(&w)) {
			ptep = walk_entry(&w, &gpa);
			if (pte_is_table(*ptep))
				walk_enter(&w, w.level - 1, gstage_table_map(*ptep), gpa);
			else
				walk_on(&w);
		}
		if (!walk_up(&w))
			return;
		ptep = walk_entry(&w, &gpa);
		gstage_table_free(gs, *ptep, w.level, gpa);
	}
}

const struct gstage_ops gstage_iter_ops = {
	.name = "iterative",
	.find = iter_find,
	.map = iter_map,
	.change = iter_change,
	.free = iter_free,
};
