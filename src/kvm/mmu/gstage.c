// SPDX-License-Identifier: MIT
/*
 * gstage.c - a G-stage table as a whole, and what both walkers share.
 *
 * A walker finds an entry; the functions here change the entry: add a table, split a leaf, retire a
 * table. A hart that has begun a walk or cached a pointer earlier may still read a retired table,
 * so the table is kept until a fence. All its entries are zero except the first, which links the
 * list of retired tables. The link has V clear, so a walk that reads it takes the address for
 * unmapped.
 *
 * Locks: mmu_lock, held by the callers (see gstage.h). Spec: H §2.10, H §5.1, S §2.1.
 */
#include <asm-generic/errno.h>
#include "hv/trace.h"
#include "kvm.h"
#include "mmu/hfence.h"

static const struct gstage_mode {
	unsigned int mode; /* as in hgatp.MODE */
	unsigned int levels;
} modes[] = { GSTAGE_MODES };

/*
 * Once the last hart has started: bit i is set if every hart has modes[i]; the widest comes first.
 * 0: the harts have no mode in common, and no VM can be created.
 */
static unsigned int usable = BIT(ARRAY_SIZE(modes)) - 1;

pte_t *gstage_table_add(struct gstage *gs, pte_t *ptep, gpa_t gpa, unsigned int level)
{
	hpa_t pa = hv_pages_alloc(HV_ORDER_4K);

	if (!pa)
		return NULL;
	trace_gstage_table(gpa, level - 1, true);
	gs->tables++;
	gstage_set(ptep, pte_make(pa, PTE_V));
	return hv_page_map(pa);
}

int gstage_split(struct gstage *gs, pte_t *ptep, unsigned int level, gpa_t gpa)
{
	pte_t leaf = *ptep;
	hpa_t pa = hv_pages_alloc(HV_ORDER_4K);
	pte_t *table;
	unsigned long i;

	if (!pa)
		return -ENOMEM;
	trace_gstage_split(gpa, level);
	gs->tables++;
	table = hv_page_map(pa);
	/* lab 10: write the smaller leaves, and only then the pointer to their table */
	for (i = 0; i < GSTAGE_TABLE_ENTRIES; i++)
		table[i] = pte_make(pte_to_hpa(leaf) + i * gstage_size(level - 1), leaf & ~PTE_PPN);
	hv_page_unmap(table);
	/*
	 * The table translates as the leaf did. A hart may use either until the next fence, so the
	 * entry need not be invalid in between.
	 */
	gstage_set(ptep, pte_make(pa, PTE_V));
	/* lab 10 end */
	return 0;
}

int gstage_set_leaf(pte_t *ptep, unsigned int level, pte_t pte, pte_t *old)
{
	*old = *ptep;
	if (level > 0 && pte_is_table(*ptep))
		return -EEXIST;
	gstage_set(ptep, pte);
	return 0;
}

static void note_changes(struct gstage *gs, gpa_t start, gpa_t end)
{
	gs->changed_start = gs->changed_end ? MIN(gs->changed_start, start) : start;
	gs->changed_end = MAX(gs->changed_end, end);
}

void gstage_note_change(struct gstage *gs, gpa_t gpa, unsigned int level)
{
	gpa_t start = ALIGN_DOWN(gpa, gstage_size(level));

	note_changes(gs, start, start + gstage_size(level));
}

bool gstage_change_leaf(struct gstage *gs, pte_t *ptep, unsigned int level, gpa_t gpa,
			enum gstage_change what)
{
	pte_t old = READ_ONCE(*ptep); /* hardware may be setting A */
	pte_t pte;

	if (!(old & PTE_V))
		return false;
	if (what == GSTAGE_LOOK)
		return old & PTE_A;
	if (what == GSTAGE_UNMAP)
		pte = 0;
	else
		pte = old & ~(what == GSTAGE_AGE ? PTE_A : GSTAGE_LEAF_WRITE);
	if (pte == old)
		return false;
	gstage_set(ptep, pte);
	gstage_note_change(gs, gpa, level);
	if (what == GSTAGE_UNMAP)
		trace_gstage_unmap(ALIGN_DOWN(gpa, gstage_size(level)), level, old);
	return true;
}

bool gstage_change_leaves(struct gstage *gs, pte_t *table, gpa_t base, struct gstage_span *span,
			  struct gstage_range *range, bool *changed)
{
	pte_t clear = range->what == GSTAGE_UNMAP     ? ~(pte_t)0
		      : range->what == GSTAGE_PROTECT ? GSTAGE_LEAF_WRITE
						      : PTE_A;
	pte_t *p = table + span->next, *end = table + span->end, *from, *first = NULL, *last = NULL;
	bool stops = false;

	while (p < end) {
		pte_t old = READ_ONCE(*p); /* hardware may be setting A */
		gpa_t gpa = base + (gpa_t)(p - table) * PAGE_SIZE;

		if (!old) {
			for (from = p; p < end && !READ_ONCE(*p); p++)
				;
			gs->work -= p - from;
			continue;
		}
		gs->work -= GSTAGE_VISIT;
		stops = gstage_range_stops(gs, range, gpa);
		if (stops)
			break;
		trace_gstage_step(gpa, 0, old);
		if ((old & PTE_V) && (old & clear)) {
			first = first ? first : p;
			last = p;
			if (range->what != GSTAGE_LOOK)
				gstage_set(p, old & ~clear);
			if (range->what == GSTAGE_UNMAP)
				trace_gstage_unmap(gpa, 0, old);
		}
		p++;
	}
	span->next = (unsigned long)(p - table);
	if (first && range->what != GSTAGE_LOOK)
		note_changes(gs, base + (gpa_t)(first - table) * PAGE_SIZE,
			     base + (gpa_t)(last + 1 - table) * PAGE_SIZE);
	*changed |= first != NULL;
	return stops;
}

/*
 * Unlink the table at *ptep, and add it to gs->retired. The table's entry 0 becomes the link, with
 * V clear.
 */
static void retire(struct gstage *gs, pte_t *ptep)
{
	hpa_t pa = pte_to_hpa(*ptep);
	pte_t *table = hv_page_map(pa);

	gstage_set(ptep, 0);
	gstage_set(&table[0], pte_make(gs->retired, 0));
	hv_page_unmap(table);
	gs->retired = pa;
	gs->tables--;
}

static bool table_is_empty(struct gstage *gs, pte_t pte)
{
	struct gstage_span all = { 0, GSTAGE_TABLE_ENTRIES };
	pte_t *table = gstage_table_map(pte);
	bool found = gstage_span_next(gs, &all, table);

	gstage_table_unmap(table);
	return !found;
}

bool gstage_change_table(struct gstage *gs, pte_t *ptep, unsigned int level, gpa_t gpa,
			 const struct gstage_range *range)
{
	gpa_t first = ALIGN_DOWN(gpa, gstage_size(level));

	if (range->what != GSTAGE_UNMAP || first < range->start ||
	    first + gstage_size(level) > range->end)
		return false;
	/*
	 * Earlier pieces have handled the start of this table; since then, a leaf may have been
	 * added there.
	 */
	if (first < range->from && !table_is_empty(gs, *ptep))
		return false;
	trace_gstage_table(first, level - 1, false);
	retire(gs, ptep);
	return true;
}

void gstage_table_free(struct gstage *gs, pte_t pte, unsigned int level, gpa_t gpa)
{
	trace_gstage_table(gpa, level - 1, false);
	gs->tables--;
	hv_pages_free(pte_to_hpa(pte), HV_ORDER_4K);
	hv_cond_resched(); /* no lock is held: no hart uses this table */
}

struct gstage_pending_flush gstage_take_pending_flush(struct gstage *gs)
{
	struct gstage_pending_flush pending = { .start = gs->changed_start,
						.end = gs->changed_end,
						.no_sleep = gs->no_sleep };

	pending.others = __atomic_load_n(&gs->unfenced, __ATOMIC_ACQUIRE) != 0;
	pending.retired = gstage_take_retired(gs);
	/*
	 * A fence by address applies to leaf entries, not to pointers to tables (H §3.2). It would
	 * not cover the addresses of another flush that is still pending, either.
	 */
	pending.all = pending.retired || pending.others;
	pending.fence = pending.all || pending.end;
	if (pending.fence)
		__atomic_fetch_add(&gs->unfenced, 1, __ATOMIC_RELAXED);
	gs->changed_start = 0;
	gs->changed_end = 0;
	return pending;
}

hpa_t gstage_take_retired(struct gstage *gs)
{
	hpa_t retired = gs->retired;

	gs->retired = 0;
	return retired;
}

/*
 * Put `list` back into gs->retired. Rather than walk `list` to its end, relink the tables that are
 * in gs->retired by now, which are few.
 */
static void retire_again(struct gstage *gs, hpa_t list)
{
	hpa_t pa = gs->retired;

	gs->retired = list;
	while (pa) {
		pte_t *table = hv_page_map(pa);
		hpa_t next = pte_to_hpa(table[0]);

		gstage_set(&table[0], pte_make(gs->retired, 0));
		hv_page_unmap(table);
		gs->retired = pa;
		pa = next;
	}
}

void gstage_pause(struct gstage *gs)
{
	struct gstage_pending_flush pending = gstage_take_pending_flush(gs);

	gs->no_sleep = false;
	spin_unlock(&gs->mmu_lock);
	gstage_yield(pending.no_sleep);
	spin_lock(&gs->mmu_lock);
	gs->no_sleep = pending.no_sleep;
	gs->work = GSTAGE_PIECE;
	if (!pending.fence)
		return;
	/*
	 * Threads that held the lock meanwhile saw this flush in `unfenced`. Take the flush back.
	 */
	if (pending.end) {
		gs->changed_start =
			gs->changed_end ? MIN(gs->changed_start, pending.start) : pending.start;
		gs->changed_end = MAX(gs->changed_end, pending.end);
	}
	retire_again(gs, pending.retired);
	gstage_fenced(gs);
}

void gstage_free_retired(hpa_t retired, bool no_sleep)
{
	while (retired) {
		pte_t *table = hv_page_map(retired);
		hpa_t next = pte_to_hpa(table[0]);

		hv_page_unmap(table);
		hv_pages_free(retired, HV_ORDER_4K);
		retired = next;
		gstage_yield(no_sleep);
	}
}

int gstage_find(const struct gstage *gs, gpa_t gpa, struct gstage_leaf *leaf)
{
	if (gpa >= gstage_limit(gs))
		return -ENOENT;
	return gs->ops->find(gs, gpa, leaf);
}

/* Even an empty table needs a fence before it is freed, so *old reports the table to the caller. */
int gstage_collapse(struct gstage *gs, gpa_t gpa, unsigned int level, pte_t pte, pte_t *old)
{
	gpa_t start = ALIGN_DOWN(gpa, gstage_size(level));
	pte_t table = *old;
	int err;

	trace_gstage_collapse(start, level);
	gstage_change_at_once(gs, start, gstage_size(level), GSTAGE_UNMAP);
	err = gs->ops->map(gs, gpa, level, pte, old);
	*old = table;
	return err;
}

/*
 * Change the leaves in [start, end) in pieces. Returns true if any entry was changed. GSTAGE_LOOK
 * does not change anything: it returns true if any leaf has A set, and stops after the first piece
 * in which it finds one.
 */
static bool change(struct gstage *gs, gpa_t start, gpa_t end, enum gstage_change what)
{
	struct gstage_range range = { .start = start, .end = end, .from = start, .what = what };
	bool changed = false;

	range.end = MIN(end, gstage_limit(gs));
	while (range.from < range.end && !(changed && what == GSTAGE_LOOK)) {
		if (gstage_pause_is_due(gs))
			gstage_pause(gs);
		range.stop = range.end;
		changed |= gs->ops->change(gs, &range);
		range.from = range.stop;
	}
	return changed;
}

bool gstage_unmap(struct gstage *gs, gpa_t start, gpa_t end)
{
	return change(gs, start, end, GSTAGE_UNMAP);
}

/* If it fails, there is no leaf of level 0. */
void gstage_unmap_page(struct gstage *gs, gpa_t gpa)
{
	pte_t old;

	if (!gs->ops->map(gs, gpa, 0, 0, &old) && (old & PTE_V))
		trace_gstage_unmap(gpa, 0, old);
}

bool gstage_protect(struct gstage *gs, gpa_t start, gpa_t end)
{
	trace_gstage_protect(start, end - start);
	return change(gs, start, end, GSTAGE_PROTECT);
}

bool gstage_age(struct gstage *gs, gpa_t start, gpa_t end)
{
	return change(gs, start, end, GSTAGE_AGE);
}

bool gstage_is_young(struct gstage *gs, gpa_t start, gpa_t end)
{
	return change(gs, start, end, GSTAGE_LOOK);
}

/*
 * Return the modes that this hart has, as in `usable`. If the hart lacks a mode, hgatp does not
 * read back as that mode after it was written (H §2.10).
 */
static unsigned int hart_modes(void)
{
	unsigned int i, found = 0;

	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		csr_write(hgatp, FIELD_PREP(HGATP_MODE, modes[i].mode));
		if (FIELD_GET(HGATP_MODE, csr_read(hgatp)) == modes[i].mode)
			found |= BIT(i);
	}
	csr_write(hgatp, 0);
	return found;
}

int gstage_probe(void)
{
	usable = hart_modes();
	return usable ? 0 : -ENODEV;
}

/*
 * Keep only modes that this hart has, too. Harts may differ: with -cpu max,svade=on, QEMU's second
 * hart has only Sv39. If a mode that the hart lacks were written to hgatp, MODE could remain Bare,
 * and the guest would run on the host's own memory.
 */
bool gstage_hart_init(void)
{
	unsigned int before = usable;

	usable &= hart_modes();
	hfence_gvma_all();
	return usable == before;
}

/* Return the widest mode that every hart has, or NULL. */
static const struct gstage_mode *widest_mode(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(modes); i++)
		if (usable & BIT(i))
			return &modes[i];
	return NULL;
}

unsigned long gstage_mode(void)
{
	const struct gstage_mode *mode = widest_mode();

	return mode ? mode->mode : 0;
}

static unsigned int gpa_bits(unsigned int levels)
{
	return gstage_shift(levels) + 2;
}

unsigned int gstage_max_gpa_bits(void)
{
	const struct gstage_mode *mode = widest_mode();

	return mode ? gpa_bits(mode->levels) : 0;
}

unsigned int gstage_gpa_bits(const struct gstage *gs)
{
	return gpa_bits(gs->levels);
}

static void set_mode(struct gstage *gs, const struct gstage_mode *mode)
{
	gs->levels = mode->levels;
	/* The root is 16 KiB aligned, so PPN[1:0] are 0, as they must be (H §2.10). */
	gs->hgatp =
		FIELD_PREP(HGATP_MODE, mode->mode) | FIELD_PREP(HGATP_PPN, gs->root >> PAGE_SHIFT);
}

bool gstage_has_mode(unsigned long mode)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(modes); i++)
		if (modes[i].mode == mode)
			return usable & BIT(i);
	return false;
}

void gstage_set_mode(struct gstage *gs, unsigned long mode)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(modes); i++)
		if (modes[i].mode == mode)
			set_mode(gs, &modes[i]);
}

int gstage_set_gpa_bits(struct gstage *gs, u64 bits)
{
	unsigned int i = ARRAY_SIZE(modes);

	/* As on Linux, the narrowest mode with at least so many bits, whichever modes there are. */
	while (i-- > 0) {
		if (bits > gpa_bits(modes[i].levels))
			continue;
		if (!(usable & BIT(i)))
			return -EINVAL;
		set_mode(gs, &modes[i]);
		return 0;
	}
	return -EINVAL;
}

int gstage_init(struct gstage *gs, const struct gstage_ops *ops, bool huge)
{
	const struct gstage_mode *mode = widest_mode();

	if (!mode)
		return -ENODEV;
	*gs = (struct gstage){ .ops = ops, .huge = huge, .work = GSTAGE_PIECE };
	gs->root = hv_pages_alloc(GSTAGE_ROOT_ORDER);
	set_mode(gs, mode);
	return gs->root ? 0 : -ENOMEM;
}

void gstage_destroy(struct gstage *gs)
{
	if (!gs->root)
		return;
	gs->ops->free(gs);
	gstage_free_retired(gstage_take_retired(gs), false);
	hv_pages_free(gs->root, GSTAGE_ROOT_ORDER);
	gs->root = 0;
}
