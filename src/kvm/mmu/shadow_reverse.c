// SPDX-License-Identifier: MIT
/*
 * shadow_reverse.c - the reverse map: which leaves of a shadow table come from a page of L1 (shadow.h).
 *
 * When the VM's own table has been flushed, the changed addresses of L1 are looked up in the reverse
 * map, and the leaves of the shadow table that they yield are compared with the VM's own leaves. A
 * leaf that the VM's own table no longer permits is removed, or loses W. The other leaves stay.
 *
 * A flush is recorded in the VM (shadow_flushed()), after the change and before the request that makes
 * the vCPUs leave their guests. REQ_SHADOW makes each vCPU compare its tables before its next entry, in
 * pieces, between which interrupts are taken (shadow_serve()). Before an HLV, when interrupts cannot be
 * taken, one piece is compared, and the table is dropped if more is left (shadow_serve_now()). It is
 * dropped as well if
 *
 *   - there have been more than SHADOW_FLUSHES entries in the log since the last comparison: one for
 *     each flush and, with shadow=protect, for each page that is protected or becomes writable;
 *   - the flush was one that L1 has asked for (tlb_flush_vm()): then L1's table may have changed. With
 *     shadow=protect, it is executed like a fence of L1 for all addresses (shadow_protect.c), but before
 *     an HLV or HSV, it drops the table;
 *   - with shadow=protect, an entry of the log is for more than one page, and an HLV or HSV is about to be
 *     executed;
 *   - the comparison takes MAX_PIECES;
 *   - some leaf may not be in the reverse map: two addresses of L2 have the same page of L1; a leaf of
 *     2 MiB has come from memory of L1 that was at another address of L2 before; a leaf maps 1 GiB or
 *     more, or is above 2^PPN_GPA_BITS; there was no memory; or the reverse map has SHADOW_TABLES tables.
 *
 * The reverse map is a G-stage table that no hart uses. It maps addresses of L1 to those of L2, so that
 * its leaves can have the same sizes as those of the shadow table. It may have entries for leaves that
 * are gone, or that come from another page by now: then a leaf may be removed needlessly. vcpu->mutex
 * guards it.
 */
#include <asm-generic/errno.h>
#include <string.h>
#include "mmu/shadow.h"
#include "mmu/tlb.h"
#include "request.h"

#define FLAGS        (PTE_V | PTE_R) /* of each leaf of the reverse map */
#define MAX_PIECES   2048            /* of one comparison, each of GSTAGE_PIECE */
#define PPN_GPA_BITS 56              /* of an address whose page number fits in an entry */

void shadow_record(struct kvm *vm, struct shadow_flush flush)
{
	struct shadow_log *log = &vm->shadow_log;
	struct kvm_vcpu *vcpu;
	unsigned int i;

	spin_lock(&log->lock);
	log->flush[vm->flushes % SHADOW_FLUSHES] = flush;
	__atomic_store_n(&vm->flushes, vm->flushes + 1, __ATOMIC_RELAXED);
	spin_unlock(&log->lock);
	kvm_for_each_vcpu(i, vcpu, vm)
		vcpu_set_request(vcpu, REQ_SHADOW);
}

void shadow_flushed(struct kvm *vm, const struct gstage_pending_flush *pending)
{
	struct shadow_flush flush = { .what = SHADOW_BY_L1 };

	if (pending)
		flush = (struct shadow_flush){ .start = pending->others ? 0 : pending->start,
					       .end = pending->others ? ~0ULL : pending->end };
	shadow_record(vm, flush);
}

/* ---- adding to the reverse map ----------------------------------------------------------------- */

/*
 * The reverse map has entries for pages of the block of level 1 at `l1`: enter all pages of the block.
 * Returns false if there were entries for other addresses of L2.
 */
static bool add_pages(struct shadow_table *table, gpa_t l1, gpa_t l2)
{
	pte_t *entries = gstage_table_map(shadow_block_entry(&table->reverse, l1, 0));
	bool same = true;

	for (unsigned long i = 0; i < GSTAGE_TABLE_ENTRIES; i++) {
		pte_t pte = pte_make(l2 + i * PAGE_SIZE, FLAGS);

		same &= !entries[i] || entries[i] == pte;
		entries[i] = pte;
	}
	gstage_table_unmap(entries);
	return same;
}

/*
 * The reverse map no longer has an entry for `l2`, whose leaf may come from the same page as one that has
 * just been set. If it maps the page's host address `hpa`, it may be a second address of this page, and
 * both stay. If not, it comes from another page, or from this one before a flush that has not been
 * compared yet: remove it.
 */
static void entry_lost(struct kvm_vcpu *vcpu, struct shadow_table *table, gpa_t l2, hpa_t hpa)
{
	struct gstage *gs = &table->gstage;
	struct gstage_leaf leaf;

	if (gstage_find(gs, l2, &leaf))
		return;
	if (gstage_leaf_hpa(&leaf, l2) == hpa) {
		table->incomplete = true;
	} else {
		gstage_change_at_once(gs, l2, PAGE_SIZE, GSTAGE_UNMAP);
		shadow_tlb_change(vcpu, table);
	}
}

void shadow_reverse_add(struct kvm_vcpu *vcpu, gpa_t l1, gpa_t l2, hpa_t hpa, unsigned int level)
{
	struct shadow_table *table = vcpu->shadow->current;
	struct gstage *reverse = &table->reverse;
	pte_t pte = pte_make(l2, FLAGS), old = 0;
	int err = -ENOMEM;

	if (level <= 1 && !(l2 >> PPN_GPA_BITS) && reverse->tables < SHADOW_TABLES)
		err = reverse->ops->map(reverse, l1, level, pte, &old);
	if (err == -EEXIST)
		table->incomplete |= !add_pages(table, l1, l2);
	else if (err)
		table->incomplete = true;
	else if (old && old != pte && level)
		table->incomplete = true;
	else if (old && old != pte)
		entry_lost(vcpu, table, pte_to_hpa(old), hpa);
}

void shadow_reverse_clear(struct shadow_table *table)
{
	struct gstage *reverse = &table->reverse;

	reverse->ops->free(reverse);
	for (unsigned int i = 0; i < BIT(GSTAGE_ROOT_ORDER); i++) {
		pte_t *page = hv_page_map(reverse->root + i * PAGE_SIZE);

		memset(page, 0, PAGE_SIZE);
		hv_page_unmap(page);
	}
}

/* ---- comparing --------------------------------------------------------------------------------- */

/* A comparison of the leaves that come from [from, end) of L1. */
struct comparison {
	const struct gstage *own;
	struct shadow_table *table;
	gpa_t from, end; /* `from` advances */
	bool stops;      /* the piece ends */
	bool changed;    /* some leaf was */
};

/* May the shadow leaf, which maps `l2`, be a copy of the VM's own leaf for `l1`, but for W? */
static bool is_copy(const struct gstage_leaf *leaf, gpa_t l2, const struct gstage_leaf *own,
		    gpa_t l1)
{
	return (own->pte & PTE_A) && !(own->pte & PTE_DEVICE) &&
	       gstage_leaf_hpa(leaf, l2) == gstage_leaf_hpa(own, l1);
}

/* Compare the leaf that belongs to the entry of `level` for `l1`. */
static void compare_leaf(struct comparison *c, pte_t *entry, unsigned int level, gpa_t l1)
{
	struct gstage *gs = &c->table->gstage;
	gpa_t l2 = pte_to_hpa(*entry);
	enum gstage_change what = GSTAGE_UNMAP;
	struct gstage_leaf own, leaf;

	c->table->reverse.work -= 2 * GSTAGE_VISIT; /* two walks */
	if (!gstage_find(c->own, l1, &own) && !gstage_find(gs, l2, &leaf) && own.level >= level &&
	    leaf.level >= level && is_copy(&leaf, l2, &own, l1)) {
		if (!(leaf.pte & ~own.pte & PTE_W))
			return;
		what = GSTAGE_PROTECT;
	} else {
		gstage_set(entry, 0);
	}
	gs->work = 0;
	c->changed |= gstage_change_at_once(gs, l2, gstage_size(level), what);
	c->table->reverse.work += gs->work;
}

/* Compare the leaves that belong to entries of this table, whose first entry is for `base`. */
static void compare_table(struct comparison *c, pte_t *table, unsigned int level, gpa_t base)
{
	struct gstage *reverse = &c->table->reverse;
	struct gstage_span span = gstage_span(reverse, level, base, c->from, c->end);

	while (!c->stops && gstage_span_next(reverse, &span, table)) {
		gpa_t l1 = base + span.next * gstage_size(level);
		pte_t *entry = &table[span.next++];

		c->stops = reverse->work <= 0;
		if (c->stops)
			c->from = MAX(c->from, l1);
		else if (pte_is_table(*entry))
			compare_table(c, gstage_table_map(*entry), level - 1, l1);
		else
			compare_leaf(c, entry, level, l1);
	}
	gstage_table_unmap(table);
}

/*
 * Compare leaves until a piece's work is done. Returns true if none is left. Called in a pinned
 * section, so that the fence is executed before the vCPU can be loaded on another hart.
 */
static bool compare_piece(struct kvm_vcpu *vcpu, struct comparison *c)
{
	struct gstage *reverse = &c->table->reverse, *own = &vcpu->kvm->gstage;

	c->own = own;
	c->stops = false;
	c->changed = false;
	spin_lock(&own->mmu_lock);
	if (c->from < c->end)
		compare_table(c, hv_page_map(reverse->root), reverse->levels - 1, 0);
	spin_unlock(&own->mmu_lock);
	if (c->changed)
		shadow_tlb_change(vcpu, c->table);
	return !c->stops;
}

/*
 * Copy the flushes after the first `since` ones, and return how many there have been by now. If they
 * are more than SHADOW_FLUSHES, the copy is of no use.
 */
static unsigned long copy_flushes(struct kvm *vm, unsigned long since, struct shadow_flush *flush)
{
	struct shadow_log *log = &vm->shadow_log;
	unsigned long now;

	spin_lock(&log->lock);
	now = vm->flushes;
	if (now - since <= SHADOW_FLUSHES)
		for (; since != now; since++)
			*flush++ = log->flush[since % SHADOW_FLUSHES];
	spin_unlock(&log->lock);
	return now;
}

void shadow_pause(struct kvm_vcpu *vcpu)
{
	vcpu_set_request(vcpu, REQ_HOST); /* interrupts are taken */
	hv_unpin();
	hv_poll_interrupts();
	hv_pin();
}

/*
 * Compare a table with the VM's own one. If `pauses` is true, take interrupts between two pieces;
 * otherwise, do one piece. Returns false if the table has to be dropped. In a pinned section.
 */
static bool compare(struct kvm_vcpu *vcpu, struct shadow_table *table, bool pauses)
{
	struct shadow_flush flush[SHADOW_FLUSHES];
	unsigned long since = table->flushes, now = copy_flushes(vcpu->kvm, since, flush);
	unsigned int pieces = 0;

	table->flushes = now;
	if (now - since > SHADOW_FLUSHES)
		return false;
	table->reverse.work = GSTAGE_PIECE;
	for (unsigned long i = 0; i < now - since; i++) {
		struct comparison c = { .table = table, .from = flush[i].start };

		c.end = MIN(flush[i].end, gstage_limit(&table->reverse));
		if (flush[i].what == SHADOW_BY_L1) {
			if (!vcpu->shadow->protects)
				return false;
			table->fenced = true;
			continue;
		}
		if (vcpu->shadow->protects &&
		    !shadow_sources_compare(vcpu, table, &flush[i], pauses))
			return false;
		if (flush[i].what == SHADOW_SOURCE)
			continue;
		if (table->incomplete)
			return false;
		while (!compare_piece(vcpu, &c)) {
			if (!pauses || ++pieces == MAX_PIECES)
				return false;
			shadow_pause(vcpu);
			table->reverse.work = GSTAGE_PIECE;
		}
	}
	return true;
}

void shadow_serve_now(struct kvm_vcpu *vcpu)
{
	struct shadow_table *table = vcpu->shadow->current;

	if (!compare(vcpu, table, false) || table->fenced)
		shadow_drop(vcpu, table);
}

/*
 * Compare a table, and execute a pending fence of L1. Returns false if the table has to be dropped: also if
 * there is a fence of L1 while a flush of the VM's own table has not reached the log yet, since L1 may
 * already have stored to a page whose protection that flush ends.
 */
static bool serve(struct kvm_vcpu *vcpu, struct shadow_table *table)
{
	struct gstage *own = &vcpu->kvm->gstage;
	u32 unfenced = 0;

	if (vcpu->shadow->protects) {
		spin_lock(&own->mmu_lock); /* no thread is between its change and the count */
		unfenced = __atomic_load_n(&own->unfenced, __ATOMIC_ACQUIRE);
		spin_unlock(&own->mmu_lock);
	}
	if (!compare(vcpu, table, true))
		return false;
	return !table->fenced || (!unfenced && shadow_sources_fence(vcpu, table));
}

void shadow_serve(struct kvm_vcpu *vcpu)
{
	struct shadow_table *table;

	if (!vcpu->shadow)
		return;
	for_each_shadow_table(table, vcpu->shadow)
	{
		hv_pin();
		if (table->hgatp && !serve(vcpu, table))
			shadow_drop(vcpu, table);
		hv_unpin();
	}
}
