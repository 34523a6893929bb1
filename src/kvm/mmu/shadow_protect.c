// SPDX-License-Identifier: MIT
/*
 * shadow_protect.c - toggle shadow=protect: write protection of the tables of L1 (shadow.h).
 *
 * With shadow=fence, a fence of L1 for all addresses drops the shadow table, since any entry of L1's
 * table may have changed. With shadow=protect, the pages from which a walk of L1's table has read are
 * the sources of the shadow table, and they are write-protected in the VM's own table. If L1 stores to a
 * source, the page becomes writable again, and the source counts as written. A fence for all addresses
 * then removes only the leaves that come from written sources. They are no longer sources; the next walk
 * that reads them makes them sources again. A fence for addresses in one block of 2 MiB removes leaves of
 * the current table as with shadow=fence, because this is cheap. For the other tables that it names, and if
 * some leaf comes from a leaf of L1 above level 1, it is executed like a fence for all addresses.
 *
 * The leaf of a protected page in the VM's own table has PTE_SOURCE and no W. When another leaf takes its
 * place, without PTE_SOURCE, this is recorded in the VM's log (shadow_log), and so is the protection of
 * a page, both under mmu_lock. Leaves that are removed are recorded there by their flush, which is pending
 * until then (gstage.unfenced). So L1 cannot have stored to a source if, when the log is compared,
 *
 *   - its page is protected;
 *   - no entry says that another shadow table has protected it; and
 *   - no flush is pending.
 *
 * Otherwise, the source counts as written, or a fence of L1 drops the table (shadow_serve()).
 *
 * To protect a page, a larger leaf that maps it is split. In the VM's own table, the entries above the
 * protected leaf have PTE_KEEP. A fault that would replace one of these tables by a larger leaf, and so make
 * its pages writable, sets only the small leaf instead (map_below()). If this is not possible, the table
 * is replaced, and the flush ends the protection of its pages.
 *
 * A shadow table is dropped at a fence for all addresses, as with shadow=fence, if
 *
 *   - L1 may have stored to a source above level 0, which maps more than one block;
 *   - a page is used at two places in L1's table;
 *   - there are more than SOURCES_USED sources, counting those that have been removed; or
 *   - a flush of the VM's own table is pending.
 *
 * Stores through another memory slot with the same memory, and those of user space and of the core, are not
 * noticed.
 */
#include <asm-generic/errno.h>
#include <string.h>
#include "hv/trace.h"
#include "mmu/gstage.h"
#include "mmu/shadow.h"
#include "mmu/tlb.h"

#define PTE_SOURCE PTE_RSW1 /* of a leaf of level 0 of the VM's own table */
#define PTE_KEEP   PTE_RSW0 /* of a pointer in the VM's own table */

/* The sources of a shadow table: a hash table with linear probing. */
#define NR_SOURCES   1024U
#define SOURCES_USED 768U
#define GOLDEN       0x9e3779b97f4a7c15ULL

struct source {
	gpa_t page; /* of L1's table, and flags; 0: the entry is free */
	gpa_t base; /* the first address of L2 that it maps */
};

#define VALID   BIT(0)        /* otherwise, the source has been removed */
#define USED    BIT(1)        /* the entry is not free */
#define WRITTEN BIT(2)        /* L1 may have written to it since it became a source */
#define LEVEL   GENMASK(5, 3) /* of the table in the page */

static gpa_t page_of(const struct source *source)
{
	return ALIGN_DOWN(source->page, PAGE_SIZE);
}

/* Return the entry of the page, or the one into which it can be written. */
static struct source *find(struct source *sources, gpa_t page)
{
	unsigned int i = (unsigned int)((page >> PAGE_SHIFT) * GOLDEN >> 54);
	struct source *free = NULL;

	for (; sources[i].page; i = (i + 1) % NR_SOURCES) {
		if ((sources[i].page & VALID) && page_of(&sources[i]) == page)
			return &sources[i];
		if (!(sources[i].page & VALID) && !free)
			free = &sources[i];
	}
	return free ? free : &sources[i];
}

void shadow_sources_clear(struct shadow_table *table)
{
	void *sources = hv_page_map(table->sources);

	memset(sources, 0, NR_SOURCES * sizeof(struct source));
	hv_page_unmap(sources);
	table->nr_sources = 0;
	table->nr_written = 0;
	table->untracked = false;
}

static void source_written(struct shadow_table *table, struct source *source)
{
	if (source->page & WRITTEN)
		return;
	source->page |= WRITTEN;
	table->nr_written++;
	if (FIELD_GET(LEVEL, source->page))
		table->untracked = true;
}

/* ---- the VM's own table ------------------------------------------------------------------------ */

/* mmu_lock held. */
static bool is_protected(const struct gstage *own, gpa_t page)
{
	struct gstage_leaf leaf;

	return !gstage_find(own, page, &leaf) && (leaf.pte & PTE_SOURCE);
}

/* Set PTE_KEEP in all entries that point to the table of the page. */
static void keep_tables(struct gstage *own, gpa_t page)
{
	unsigned int level = own->levels - 1;
	unsigned long i = gstage_index(own, page, level);
	pte_t *table = hv_page_map(own->root + i / GSTAGE_TABLE_ENTRIES * PAGE_SIZE);

	for (i %= GSTAGE_TABLE_ENTRIES; pte_is_table(table[i]);) {
		pte_t pte = table[i];

		gstage_set(&table[i], pte | PTE_KEEP);
		gstage_table_unmap(table);
		table = gstage_table_map(pte);
		i = gstage_index(own, page, --level);
	}
	gstage_table_unmap(table);
}

/*
 * Protect a page of L1 for a shadow table. Returns false if this is not possible, because the VM's own
 * table does not map it, or because there is no memory to split a leaf.
 */
static bool protect(struct kvm *vm, gpa_t page, const struct shadow_table *table)
{
	struct gstage_pending_flush pending = { 0 };
	struct gstage *own = &vm->gstage;
	struct gstage_leaf leaf;
	bool protects;
	pte_t pte, old;

	spin_lock(&own->mmu_lock);
	protects = is_protected(own, page);
	if (!protects && !gstage_find(own, page, &leaf) && !(leaf.pte & PTE_DEVICE)) {
		pte = pte_make(ALIGN_DOWN(gstage_leaf_hpa(&leaf, page), PAGE_SIZE),
			       (leaf.pte & ~(PTE_PPN | GSTAGE_LEAF_WRITE)) | PTE_SOURCE);
		protects = !gstage_map(own, page, 0, pte, &old);
		if (protects) {
			keep_tables(own, page);
			shadow_record(vm, (struct shadow_flush){ .start = page,
								 .end = page + PAGE_SIZE,
								 .what = SHADOW_SOURCE,
								 .by = table });
			if (leaf.pte & PTE_W)
				gstage_note_change(own, page, 0);
		}
	}
	if (protects) /* or another thread has protected the page, but not fenced yet */
		pending = gstage_take_pending_flush(own);
	spin_unlock(&own->mmu_lock);
	tlb_flush_pending(vm, &pending);
	return protects;
}

/*
 * A leaf of `level` would replace a table with protected pages: replace the leaf there that maps gpa, or
 * map a page. Returns false if this needs a fence on other harts, or memory that there is not.
 */
static bool map_below(struct kvm *vm, gpa_t gpa, unsigned int level, pte_t pte)
{
	struct hfence fence = { .kind = HFENCE_GVMA, .start = gpa, .size = PAGE_SIZE };
	gpa_t offset = gpa & (gstage_size(level) - 1);
	struct gstage *own = &vm->gstage;
	struct gstage_leaf leaf;
	pte_t small, old;

	if (gstage_find(own, gpa, &leaf))
		leaf = (struct gstage_leaf){ 0 };
	small = pte_make(pte_to_hpa(pte) + ALIGN_DOWN(offset, gstage_size(leaf.level)),
			 pte & ~PTE_PPN);
	if (leaf.pte && (((leaf.pte ^ small) & PTE_PPN) || (leaf.pte & ~small & PTE_W)))
		return false;
	if (gstage_map(own, gpa, leaf.level, small, &old))
		return false;
	if (leaf.pte)
		tlb_fence_local(vm, &fence);
	return true;
}

/* The walker's `map`, for a table with protected pages. A vCPU is loaded. */
static int map(struct gstage *gs, gpa_t gpa, unsigned int level, pte_t pte, pte_t *old)
{
	struct kvm *vm = container_of(gs, struct kvm, gstage);
	gpa_t page = ALIGN_DOWN(gpa, PAGE_SIZE);
	int err = vm->walker->map(gs, gpa, level, pte, old);

	if (!err && (*old & PTE_SOURCE) && !(pte & PTE_SOURCE))
		shadow_record(vm, (struct shadow_flush){ .start = page,
							 .end = page + PAGE_SIZE,
							 .what = SHADOW_SOURCE });
	if (err == -EEXIST && (*old & PTE_KEEP) && map_below(vm, gpa, level, pte))
		return GSTAGE_MAPPED;
	return err;
}

void shadow_protect_begin(struct kvm *vm)
{
	struct gstage *own = &vm->gstage;

	spin_lock(&own->mmu_lock);
	if (!vm->walker) {
		vm->walker = own->ops;
		vm->protect_ops = *own->ops;
		vm->protect_ops.map = map;
		WRITE_ONCE(own->ops, &vm->protect_ops);
	}
	spin_unlock(&own->mmu_lock);
}

/* ---- the sources of a shadow table ------------------------------------------------------------- */

/* While the reverse map is incomplete, the flush that protects a page would drop the table. */
void shadow_source_add(struct kvm_vcpu *vcpu, gpa_t pte_gpa, gpa_t gpa, unsigned int level)
{
	struct shadow_table *table = vcpu->shadow->current;
	gpa_t page = ALIGN_DOWN(pte_gpa, PAGE_SIZE);
	gpa_t base = ALIGN_DOWN(gpa, GSTAGE_TABLE_ENTRIES * gstage_size(level));
	struct source *sources = hv_page_map(table->sources), *source = find(sources, page);

	if (source->page & VALID) {
		table->untracked |= source->base != base || FIELD_GET(LEVEL, source->page) != level;
	} else if (table->nr_sources == SOURCES_USED && !source->page) {
		table->untracked = true;
	} else {
		table->nr_sources += !source->page;
		*source = (struct source){ page | VALID | USED | FIELD_PREP(LEVEL, level), base };
		if (table->incomplete || !protect(vcpu->kvm, page, table))
			source_written(table, source);
	}
	hv_page_unmap(sources);
}

static void source_compare(struct kvm_vcpu *vcpu, struct shadow_table *table, struct source *source,
			   const struct shadow_flush *flush)
{
	struct gstage *own = &vcpu->kvm->gstage;
	bool stays = !flush->by || flush->by == table;

	if (stays) {
		spin_lock(&own->mmu_lock);
		stays = is_protected(own, page_of(source));
		spin_unlock(&own->mmu_lock);
	}
	if (!stays)
		source_written(table, source);
}

#define PAUSE_AFTER 16 /* sources */

bool shadow_sources_compare(struct kvm_vcpu *vcpu, struct shadow_table *table,
			    const struct shadow_flush *flush, bool pauses)
{
	bool one = flush->end - flush->start == PAGE_SIZE;
	struct source *sources, *source;
	unsigned int found = 0;

	if (!table->nr_sources)
		return true;
	if (!one && !pauses)
		return false;
	sources = hv_page_map(table->sources);
	if (one) {
		source = find(sources, flush->start);
		if (source->page & VALID)
			source_compare(vcpu, table, source, flush);
	}
	for (source = sources; !one && source < sources + NR_SOURCES; source++) {
		gpa_t page = page_of(source);

		if (!(source->page & VALID) || (source->page & WRITTEN) || page < flush->start ||
		    page >= flush->end)
			continue;
		source_compare(vcpu, table, source, flush);
		if (++found % PAUSE_AFTER == 0)
			shadow_pause(vcpu);
	}
	hv_page_unmap(sources);
	return true;
}

/* Remove all leaves that come from this source, which is of level 0. */
static void source_remove(struct kvm_vcpu *vcpu, struct shadow_table *table, struct source *source)
{
	struct gstage *gs = &table->gstage;

	spin_lock(&gs->mmu_lock);
	gstage_change_at_once(gs, source->base, gstage_size(1), GSTAGE_UNMAP);
	spin_unlock(&gs->mmu_lock);
	source->page = USED;
	shadow_tlb_change(vcpu, table);
}

bool shadow_sources_fence(struct kvm_vcpu *vcpu, struct shadow_table *table)
{
	struct source *sources, *source;

	table->fenced = false;
	if (table->untracked)
		return false;
	shadow_tlb_change(vcpu, table);
	if (!table->nr_written)
		return true;
	sources = hv_page_map(table->sources);
	for (source = sources; source < sources + NR_SOURCES && table->nr_written; source++) {
		if (!(source->page & VALID) || !(source->page & WRITTEN))
			continue;
		source_remove(vcpu, table, source);
		table->nr_written--;
		shadow_pause(vcpu);
	}
	hv_page_unmap(sources);
	return true;
}
