// SPDX-License-Identifier: MIT
/*
 * gstage_iter.c - the G-stage walker as loops (toggle gstage_walk=iterative).
 *
 * find and map go straight down. change keeps the tables of the way down in an
 * array and moves through the range like an odometer: down at a pointer, sideways
 * at anything else, up when a table or the range ends.
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

static bool iter_change(struct gstage *gs, gpa_t start, gpa_t end, enum gstage_change what)
{
	unsigned int top = gs->levels - 1, level = top;
	pte_t *table[GSTAGE_MAX_LEVELS];
	bool changed = false;
	gpa_t gpa = start;

	table[top] = hv_page_map(gs->root);
	while (gpa < end) {
		pte_t *ptep = &table[level][gstage_index(gs, gpa, level)];

		trace_gstage_step(gpa, level, *ptep);
		if (level > 0 && pte_is_table(*ptep)) {
			table[--level] = gstage_table_map(*ptep);
			continue;
		}
		changed |= gstage_change_leaf(gs, ptep, level, gpa, what);
		gpa = ALIGN_DOWN(gpa, gstage_size(level)) + gstage_size(level);

		/* Up from every table that ends here; gpa - 1 is still inside of it. */
		while (level < top && (gpa >= end || gstage_index(gs, gpa, level) == 0)) {
			gstage_table_unmap(table[level++]);
			ptep = &table[level][gstage_index(gs, gpa - 1, level)];
			changed |= gstage_change_table(gs, ptep, level, gpa - 1, start, end, what);
		}
	}
	gstage_table_unmap(table[top]);
	return changed;
}

const struct gstage_ops gstage_iter_ops = {
	.name = "iterative",
	.find = iter_find,
	.map = iter_map,
	.change = iter_change,
};
