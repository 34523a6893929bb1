// SPDX-License-Identifier: MIT
/*
 * gstage_change.c - bounded proof of src/kvm/mmu/gstage.c: splitting, collapsing, retiring tables.
 *
 * Proved: gstage_split() makes a table that translates each address of any leaf as the leaf did, with
 * the same permissions; without memory, the leaf stays. gstage_collapse() unmaps exactly the
 * addresses of the new leaf, at once, then maps it, and reports the replaced table.
 * gstage_change_table() retires a table if and only if the table's addresses are all to be unmapped,
 * and it is empty or this piece has emptied it; a retired table's first entry is invalid, and leads
 * to the table that was retired before.
 * Bounds: tables of 8 entries (GSTAGE_INDEX_BITS is 3 here), in 3, 4 or 5 levels.
 * Assumed: the address of a leaf that is split is aligned to the leaf's size.
 * Models: one page of memory, whose allocation may fail; the functions of a walker, which are
 * called with arguments that the proof checks.
 *
 * Folder: kvm
 * Constants: mmu/gstage.h:GSTAGE_INDEX_BITS=3
 * Options: --unwind 9
 */
#include "proof.h"
#include "mmu/gstage.h" /* first: kvm.h would include the original */
#include "mmu/gstage.c"

#define PAGE_AT 0x12345000UL /* host address of the only page */

static struct gstage gs;
static pte_t table[8];

void *hv_page_map(hpa_t pa)
{
	claim(pa == PAGE_AT, "the table is mapped");
	return table;
}

void hv_page_unmap(void *va)
{
	claim(va == table, "the table is unmapped");
}

hpa_t hv_pages_alloc(unsigned int order)
{
	bool none;

	return none ? 0 : PAGE_AT;
}

/* ---- splitting ------------------------------------------------------------------ */

void prove_split(void)
{
	pte_t leaf, before, lower;
	unsigned int level;
	gpa_t gpa, at;
	u64 index;
	int err;

	suppose(level >= 1 && level <= 4 && at < gstage_size(level));
	suppose(pte_is_leaf(leaf) && pte_to_hpa(leaf) % gstage_size(level) == 0);
	before = leaf;
	err = gstage_split(&gs, &leaf, level, gpa);
	if (err) {
		claim(err == -ENOMEM && leaf == before && !gs.tables,
		      "without memory, nothing changes");
		return;
	}
	claim(leaf == pte_make(PAGE_AT, PTE_V) && gs.tables == 1, "the entry points to the table");
	index = at / gstage_size(level - 1);
	claim(index < 8, "the index is inside the table");
	lower = table[index];
	claim((lower & ~PTE_PPN) == (before & ~PTE_PPN), "the permissions are the same");
	claim(pte_to_hpa(lower) + at % gstage_size(level - 1) == pte_to_hpa(before) + at,
	      "the translation is the same");
	reached(level == 4 && index == 7 && (before & PTE_N));
	reached(level == 1 && !(before & PTE_W));
}

/* ---- collapsing ------------------------------------------------------------------- */

static unsigned int changes, maps;
static struct gstage_range asked;
static gpa_t wanted_gpa;
static unsigned int wanted_level;
static pte_t wanted_pte;
static int map_result;

static bool model_change(struct gstage *g, struct gstage_range *range)
{
	claim(!maps, "the old leaves are removed first");
	changes++;
	asked = *range;
	return true;
}

static int model_map(struct gstage *g, gpa_t gpa, unsigned int level, pte_t pte, pte_t *old)
{
	claim(gpa == wanted_gpa && level == wanted_level && pte == wanted_pte,
	      "the leaf is mapped");
	maps++;
	*old = 0; /* the unmapping has retired the table */
	havoc(&map_result);
	return map_result;
}

static const struct gstage_ops model = { .change = model_change, .map = model_map };

void prove_collapse(void)
{
	pte_t old, before = old;
	gpa_t other;
	bool same_page;
	int err;

	gs.ops = &model;
	havoc(&gs.levels);
	havoc(&wanted_gpa);
	havoc(&wanted_level);
	havoc(&wanted_pte);
	suppose(gs.levels >= 3 && gs.levels <= 5 && wanted_level >= 1 && wanted_level < gs.levels);
	suppose(wanted_gpa < gstage_limit(&gs) && other < gstage_limit(&gs));
	err = gstage_collapse(&gs, wanted_gpa, wanted_level, wanted_pte, &old);
	same_page = other >> gstage_shift(wanted_level) == wanted_gpa >> gstage_shift(wanted_level);
	claim(changes == 1 && maps == 1 && err == map_result,
	      "the range is unmapped once, and the leaf is mapped once");
	claim(asked.what == GSTAGE_UNMAP && asked.at_once && asked.from == asked.start,
	      "the range is unmapped in one piece");
	claim(same_page == (other >= asked.start && other < asked.end),
	      "exactly the leaf's addresses are unmapped");
	claim(old == before, "the replaced table is reported");
	reached(!err && wanted_level == 4 && same_page && other != wanted_gpa);
	reached(err);
}

/* ---- retiring ----------------------------------------------------------------------- */

void prove_retire(void)
{
	pte_t entry = pte_make(PAGE_AT, PTE_V);
	unsigned int level, i;
	struct gstage_range range;
	bool empty = true, inside, retired;
	hpa_t earlier;
	gpa_t gpa, first, last;

	havoc_array(table);
	for (i = 0; i < 8; i++)
		empty &= !table[i];
	havoc(&gs.levels);
	suppose(gs.levels >= 3 && gs.levels <= 5 && level >= 1 && level < gs.levels);
	suppose(gpa < gstage_limit(&gs) && range.end <= gstage_limit(&gs) &&
		range.start < range.end);
	suppose(range.from >= range.start && range.from <= range.end);
	suppose(earlier % PAGE_SIZE == 0 && earlier < 1UL << 56);
	gs.retired = earlier;
	gs.tables = 1;
	first = gpa - gpa % gstage_size(level);
	last = first + (gstage_size(level) - 1);
	inside = range.what == GSTAGE_UNMAP && range.start <= first && last < range.end;
	retired = gstage_change_table(&gs, &entry, level, gpa, &range);
	claim(retired == (inside && (empty || first >= range.from)),
	      "a table is retired if and only if unmapping has emptied it");
	if (!retired) {
		claim(entry == pte_make(PAGE_AT, PTE_V) && gs.tables == 1 && gs.retired == earlier,
		      "a table that is not retired is not changed");
		return;
	}
	claim(!entry && gs.tables == 0 && gs.retired == PAGE_AT,
	      "a retired table is unlinked and put on the list");
	claim(!(table[0] & PTE_V) && pte_to_hpa(table[0]) == earlier,
	      "a retired table points to the one that was retired before");
	reached(first < range.from && level == 4);
	reached(earlier && first >= range.from);
}
