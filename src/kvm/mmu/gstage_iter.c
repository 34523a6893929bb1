// SPDX-License-Identifier: MIT
/*
 * gstage_iter.c - the G-stage walker as loops (toggle gstage_walk=iterative).
 *
 * find and map go straight down. change and free keep the path from the root in an array and move
 * through the range: down at a pointer, on to the next entry at anything else, and up at the end of
 * a table or of the range.
 *
 * gstage_rec.c implements the same interface by recursion. Locks: mmu_lock (see gstage.h).
 */
#include <asm-generic/errno.h>
#include "hv/trace.h"
#include "mmu/gstage.h"

static int iter_find(const struct gstage *gs, gpa_t gpa, struct gstage_leaf *leaf)
{
	pte_t *table = hv_page_map(gs->root);
	unsigned int level = gs->levels;
	pte_t pte;

	/* lab 4: write iter_find: find the leaf that maps gpa, level by level */
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
	/* A pointer at level 0. */
	return -EFAULT;
	/* lab 4 end */
}

static int iter_map(struct gstage *gs, gpa_t gpa, unsigned int level, pte_t pte, pte_t *old)
{
	pte_t *table = hv_page_map(gs->root);
	unsigned int at;
	int err;

	/* lab 4: write iter_map: walk down to `level`, adding tables and splitting leaves */
	pte_t *ptep = &table[gstage_index(gs, gpa, gs->levels - 1)];

	for (at = gs->levels - 1; at > level; at--) {
		pte_t now = *ptep, *next = NULL;

		trace_gstage_step(gpa, at, now);
		if (__builtin_expect(pte_is_table(now), 1))
			next = gstage_table_map(now);
		else if (!(now & PTE_V))
			next = gstage_table_add(gs, ptep, gpa, at);
		else if (gstage_split(gs, ptep, at, gpa) == 0)
			next = gstage_table_map(*ptep);
		gstage_table_unmap(table);
		if (!next)
			return -ENOMEM;
		table = next;
		/*
		 * Only the root's index is wider than the others: gstage_index(), without its
		 * test.
		 */
		ptep = &table[gpa >> gstage_shift(at - 1) & (GSTAGE_TABLE_ENTRIES - 1)];
	}
	err = gstage_set_leaf(ptep, level, pte, old);
	gstage_table_unmap(table);
	return err;
	/* lab 4 end */
}

/* A walk's position in one of the tables on its path. */
struct place {
	pte_t *table;
	gpa_t base; /* gpa that the table's first entry maps */
	struct gstage_span span;
};

/*
 * Return the place where a walk of [start, end) begins in `table`, a table of `level` whose first
 * entry maps `base`.
 */
static inline struct place place_in(const struct gstage *gs, pte_t *table, unsigned int level,
				    gpa_t base, gpa_t start, gpa_t end)
{
	return (struct place){ table, base, gstage_span(gs, level, base, start, end) };
}

static inline gpa_t place_gpa(const struct place *p, unsigned int level)
{
	return p->base + p->span.next * gstage_size(level);
}

static bool iter_change(struct gstage *gs, struct gstage_range *range)
{
	unsigned int top = gs->levels - 1, level = top;
	struct place at, up[GSTAGE_MAX_LEVELS]; /* for each level, where the walk went down */
	bool changed = false, stops = false;

	at = place_in(gs, hv_page_map(gs->root), level, 0, range->from, range->end);
	for (;;) {
		while (level > 0 && !stops && gstage_span_next(gs, &at.span, at.table)) {
			pte_t *ptep = &at.table[at.span.next];
			gpa_t gpa = place_gpa(&at, level);

			stops = gstage_range_stops(gs, range, gpa);
			if (stops)
				break;
			trace_gstage_step(gpa, level, *ptep);
			if (pte_is_table(*ptep)) {
				up[level--] = at;
				at = place_in(gs, gstage_table_map(*ptep), level, gpa, range->from,
					      range->end);
				continue;
			}
			changed |= gstage_change_leaf(gs, ptep, level, gpa, range->what);
			at.span.next++;
		}
		if (level == 0)
			stops = gstage_change_leaves(gs, at.table, at.base, &at.span, range,
						     &changed);
		gstage_table_unmap(at.table);
		if (level == top)
			return changed;
		at = up[++level];
		if (stops)
			continue; /* up to the root, to unmap each table from the kernel */
		changed |= gstage_change_table(gs, &at.table[at.span.next], level,
					       place_gpa(&at, level), range);
		at.span.next++;
	}
}

static void iter_free(struct gstage *gs)
{
	unsigned int top = gs->levels - 1, level = top;
	struct place at, up[GSTAGE_MAX_LEVELS]; /* as in iter_change() */
	gpa_t end = gstage_limit(gs);

	/* lab 4: write iter_free: free every table below the root, lowest first */
	at = place_in(gs, hv_page_map(gs->root), level, 0, 0, end);
	for (;;) {
		while (level > 0 && gstage_span_next(gs, &at.span, at.table)) {
			pte_t pte = at.table[at.span.next];
			gpa_t gpa = place_gpa(&at, level);

			if (pte_is_table(pte)) {
				up[level--] = at;
				at = place_in(gs, gstage_table_map(pte), level, gpa, gpa, end);
				continue;
			}
			at.span.next++;
		}
		gstage_table_unmap(at.table);
		if (level == top)
			return;
		at = up[++level];
		gstage_table_free(gs, at.table[at.span.next], level, place_gpa(&at, level));
		at.span.next++;
	}
	/* lab 4 end */
}

const struct gstage_ops gstage_iter_ops = {
	.name = "iterative",
	.find = iter_find,
	.map = iter_map,
	.change = iter_change,
	.free = iter_free,
};
