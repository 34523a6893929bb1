// SPDX-License-Identifier: MIT
/*
 * shadow.c - fill and drop the shadow table (shadow.h).
 *
 * A leaf is copied from the VM's own table under mmu_lock. If the host takes the page back
 * afterwards, it changes the VM's table, records a flush, sends a request to every vCPU and waits for
 * those in their guest (tlb_flush_vm(), tlb_flush_pending()). This thread is outside its guest, and
 * serves the request before it enters (shadow_serve()), so it removes the leaf before any access.
 * tlb_flush_page_at_once() neither records nor waits, so leaves of devices are not copied.
 */
#include <asm-generic/errno.h>
#include <string.h>
#include "mmu/hfence.h"
#include "mmu/memslot.h"
#include "mmu/shadow.h"
#include "mmu/tlb.h"
#include "request.h"

/* Allocate a table that has none yet. Returns 0 or -ENOMEM. */
static int table_create(struct kvm_vcpu *vcpu, struct shadow_table *table)
{
	const struct kvm *vm = vcpu->kvm;
	const struct gstage_ops *ops = vm->walker ? vm->walker : vm->gstage.ops;
	int err = gstage_init(&table->gstage, ops, vm->gstage.huge);

	if (err)
		return err;
	err = gstage_init(&table->reverse, ops, vm->gstage.huge);
	if (err)
		goto free_gstage;
	err = -ENOMEM;
	table->spare = hv_pages_alloc(GSTAGE_ROOT_ORDER);
	if (!table->spare)
		goto free_reverse;
	if (!vcpu->shadow->protects)
		return 0;
	table->sources = hv_pages_alloc(SHADOW_SOURCES_ORDER);
	if (table->sources)
		return 0;
	hv_pages_free(table->spare, GSTAGE_ROOT_ORDER);
free_reverse:
	gstage_destroy(&table->reverse);
free_gstage:
	gstage_destroy(&table->gstage);
	return err;
}

int shadow_create(struct kvm_vcpu *vcpu)
{
	struct shadow *shadow;
	int err;

	if (vcpu->shadow)
		return 0;
	shadow = hv_alloc(sizeof(*shadow));
	if (!shadow)
		return -ENOMEM;
	shadow->protects = vcpu->kvm->toggle[TOGGLE_shadow];
	if (shadow->protects)
		shadow_protect_begin(vcpu->kvm);
	vcpu->shadow = shadow;
	err = table_create(vcpu, &shadow->tables[0]);
	if (err) {
		vcpu->shadow = NULL;
		hv_free(shadow);
		return err;
	}
	shadow->current = &shadow->tables[0];
	WRITE_ONCE(vcpu->kvm->tlb, &shadow_tlb_ops);
	return 0;
}

void shadow_destroy(struct kvm_vcpu *vcpu)
{
	struct shadow_table *table;

	if (!vcpu->shadow)
		return;
	for_each_shadow_table(table, vcpu->shadow)
	{
		gstage_destroy(&table->gstage);
		gstage_destroy(&table->old);
		gstage_destroy(&table->reverse);
		if (table->spare)
			hv_pages_free(table->spare, GSTAGE_ROOT_ORDER);
		if (table->sources)
			hv_pages_free(table->sources, SHADOW_SOURCES_ORDER);
	}
	hv_free(vcpu->shadow);
	vcpu->shadow = NULL;
}

void shadow_drop(struct kvm_vcpu *vcpu, struct shadow_table *table)
{
	struct gstage *gs = &table->gstage;

	vcpu->shadow->generation++;
	table->fenced = false;
	if (table->nr_sources)
		shadow_sources_clear(table);
	if (!table->used.end)
		return;
	hv_pin();
	table->old = *gs;
	table->old_used = table->used;
	table->used = (struct root_range){ 0 };
	table->from_huge = false;
	table->incomplete = false;
	table->clears |= table->reverse.tables >= SHADOW_TABLES;
	gs->retired = 0;
	gs->root = table->spare;
	gs->hgatp = (gs->hgatp & ~HGATP_PPN) | FIELD_PREP(HGATP_PPN, gs->root >> PAGE_SHIFT);
	gs->tables = 0;
	table->spare = 0;
	shadow_tlb_drop(vcpu, table);
	hv_unpin();
}

/* Drop the table, and let shadow_reclaim() free the memory of its reverse map as well. */
static void drop_all_memory(struct kvm_vcpu *vcpu, struct shadow_table *table)
{
	shadow_drop(vcpu, table);
	table->clears = true;
}

/* Return a forgotten table, a new one, or, if there is neither, the least recently used one. */
static struct shadow_table *find_victim(struct kvm_vcpu *vcpu)
{
	struct shadow_table *table, *oldest = vcpu->shadow->tables;

	for_each_shadow_table(table, vcpu->shadow)
	{
		if (!table->hgatp)
			return table;
		if (table->last_use < oldest->last_use)
			oldest = table;
	}
	if (table < vcpu->shadow->tables + SHADOW_GUESTS && !table_create(vcpu, table))
		return table;
	return oldest;
}

void shadow_choose(struct kvm_vcpu *vcpu, unsigned long hgatp)
{
	struct shadow *shadow = vcpu->shadow;
	struct shadow_table *table;

	if (shadow->current->hgatp == hgatp)
		return;
	for_each_shadow_table(table, shadow) if (table->hgatp == hgatp) break;
	if (table == shadow->tables + SHADOW_GUESTS || table->hgatp != hgatp) {
		table = find_victim(vcpu);
		shadow_drop(vcpu, table);
		gstage_set_mode(&table->gstage, FIELD_GET(HGATP_MODE, hgatp));
		table->hgatp = hgatp;
		table->flushes = tlb_flushes(vcpu->kvm);
		table->hart = SHADOW_NO_HART;
	}
	table->last_use = ++shadow->uses;
	shadow->current = table;
}

/* Free the table to which the entry `pte` of this level points, and all tables below. */
static void free_tables(struct gstage *gs, pte_t pte, unsigned int level, gpa_t gpa)
{
	pte_t *table;

	if (level > 1) {
		table = gstage_table_map(pte);
		for (unsigned long i = 0; i < GSTAGE_TABLE_ENTRIES; i++)
			if (pte_is_table(table[i]))
				free_tables(gs, table[i], level - 1,
					    gpa + i * gstage_size(level - 1));
		gstage_table_unmap(table);
	}
	gstage_table_free(gs, pte, level, gpa);
}

/* Only the entries that were used are looked at: L1 may fence often, and the root has 2048. */
static void reclaim(struct shadow_table *table)
{
	struct gstage *old = &table->old;
	unsigned int level;

	gstage_free_retired(gstage_take_retired(&table->gstage), false);
	if (table->clears) {
		table->clears = false;
		shadow_reverse_clear(table);
	}
	if (!old->root)
		return;
	gstage_free_retired(gstage_take_retired(old), false);
	level = old->levels - 1;
	for (unsigned long i = table->old_used.first; i < table->old_used.end; i++) {
		hpa_t page = old->root + i / GSTAGE_TABLE_ENTRIES * PAGE_SIZE;
		pte_t *root = hv_page_map(page), pte = root[i % GSTAGE_TABLE_ENTRIES];

		gstage_set(&root[i % GSTAGE_TABLE_ENTRIES], 0);
		hv_page_unmap(root);
		if (pte_is_table(pte))
			free_tables(old, pte, level, i * gstage_size(level));
		if (i % 256 == 0)
			hv_cond_resched();
	}
	table->spare = old->root;
	old->root = 0;
}

void shadow_reclaim(struct kvm_vcpu *vcpu)
{
	struct shadow_table *table;

	for_each_shadow_table(table, vcpu->shadow) reclaim(table);
}

void shadow_forget(struct kvm_vcpu *vcpu)
{
	struct shadow_table *table;

	if (!vcpu->shadow)
		return;
	for_each_shadow_table(table, vcpu->shadow) table->hgatp = 0;
}

/* ---- fences of L1 ------------------------------------------------------------------------------ */

/*
 * A leaf of L1 may be larger than the leaves of the shadow table that come from it, and a fence for
 * any of its addresses has to remove them all. So an entry of level 1 that points to a table with
 * such leaves has this bit.
 */
#define PTE_FROM_LARGE PTE_RSW0

pte_t shadow_block_entry(const struct gstage *gs, gpa_t gpa, pte_t flags)
{
	unsigned int level = gs->levels - 1;
	unsigned long i = gstage_index(gs, gpa, level);
	pte_t *table = hv_page_map(gs->root + i / GSTAGE_TABLE_ENTRIES * PAGE_SIZE);
	pte_t *entry = &table[i % GSTAGE_TABLE_ENTRIES], pte = *entry;

	for (; level > 1 && pte_is_table(pte); level--) {
		gstage_table_unmap(table);
		table = gstage_table_map(pte);
		entry = &table[gstage_index(gs, gpa, level - 1)];
		pte = *entry;
	}
	if (level > 1)
		pte = 0;
	else if (flags && pte_is_table(pte))
		gstage_set(entry, pte | flags);
	gstage_table_unmap(table);
	return pte;
}

/*
 * Remove the leaves from `start` to `last`, which are in the same block of level 1. L2's CSRs are not
 * loaded, and the next shadow_load() fences.
 */
static void fence_block(struct shadow_table *table, gpa_t start, gpa_t last)
{
	struct gstage *gs = &table->gstage;
	u64 size = shadow_block_entry(gs, start, 0) & PTE_FROM_LARGE ? gstage_size(1) : PAGE_SIZE;
	gpa_t first = ALIGN_DOWN(start, size);

	hv_pin();
	spin_lock(&gs->mmu_lock);
	gstage_change_at_once(gs, first, ALIGN_DOWN(last, size) + size - first, GSTAGE_UNMAP);
	spin_unlock(&gs->mmu_lock);
	table->hart = SHADOW_NO_HART;
	hv_unpin();
}

/* Execute a fence for the whole table. */
static void fence_table(struct kvm_vcpu *vcpu, struct shadow_table *table)
{
	if (!vcpu->shadow->protects) {
		table->hgatp = 0;
		return;
	}
	table->fenced = true;
	vcpu_set_request(vcpu, REQ_SHADOW);
}

void shadow_fence(struct kvm_vcpu *vcpu, unsigned long vmid, gpa_t start, gpa_t last)
{
	struct shadow_table *table;
	u64 block = gstage_size(1);

	for_each_shadow_table(table, vcpu->shadow)
	{
		if (!table->hgatp ||
		    (vmid != SHADOW_ANY_VMID && vmid != FIELD_GET(HGATP_VMID, table->hgatp)))
			continue;
		if (start / block != last / block || table->from_huge ||
		    table != vcpu->shadow->current)
			fence_table(vcpu, table);
		else if (last < gstage_limit(&table->gstage))
			fence_block(table, start, last);
	}
}

void shadow_fence_vvma(struct kvm_vcpu *vcpu, unsigned long vmid)
{
	struct shadow_table *table;

	for_each_shadow_table(table, vcpu->shadow)
	{
		if (vmid == SHADOW_ANY_VMID || vmid == FIELD_GET(HGATP_VMID, table->hgatp))
			table->hart = SHADOW_NO_HART;
	}
}

/* ---- L1's table -------------------------------------------------------------------------------- */

/* Does the entry set a bit that is reserved at this level (S §3.2, Svnapot, Svpbmt)? */
static bool is_reserved(const struct shadow *shadow, pte_t pte, unsigned int level)
{
	if (pte & PTE_RESERVED)
		return true;
	if (pte_is_table(pte))
		return pte & (PTE_A | PTE_D | PTE_U | PTE_PBMT | PTE_NAPOT);
	if ((pte & PTE_PBMT) && (!shadow->svpbmt || (pte & PTE_PBMT) == PTE_PBMT))
		return true;
	return (pte & PTE_NAPOT) && (level || !shadow->svnapot ||
				     (pte_to_hpa(pte) & (NAPOT_SIZE - 1)) != NAPOT_SIZE / 2);
}

/* Does L1's leaf permit the access? A and D are never set here, but needed (docs/nested.md). */
static bool permits(pte_t pte, const struct gstage_fault *fault, bool mxr)
{
	/* lab 14: write permits: does the leaf permit this fetch, load or store? */
	/* A walk of the VS-stage reads a PTE, so it needs R; MXR is for explicit loads (H §5.1). */
	bool readable = (pte & PTE_R) || (mxr && (pte & PTE_X));

	if (!(pte & PTE_U) || !(pte & PTE_A))
		return false;
	if (fault->implicit)
		return (pte & PTE_R) && (!fault->write || ((pte & PTE_W) && (pte & PTE_D)));
	if (fault->fetch)
		return pte & PTE_X;
	return fault->write ? (pte & PTE_W) && (pte & PTE_D) : readable;
	/* lab 14 end */
}

/* The walk has reached the leaf `pte` (H §5.1, S §3.2). */
static int leaf_reached(const struct gstage_fault *fault, bool mxr, struct shadow_walk *walk)
{
	u64 size = gstage_size(walk->level);
	hpa_t base = pte_to_hpa(walk->pte);

	if (!permits(walk->pte, fault, mxr))
		return -EACCES;
	if (walk->pte & PTE_NAPOT) {
		size = NAPOT_SIZE;
		base = ALIGN_DOWN(base, size);
	}
	if (!IS_ALIGNED(base, size))
		return -EACCES;
	walk->gpa = base | (fault->gpa & (size - 1));
	return 0;
}

int shadow_walk(struct kvm_vcpu *vcpu, unsigned long hgatp, const struct gstage_fault *fault,
		bool mxr, struct shadow_walk *walk)
{
	const struct gstage *gs = &vcpu->shadow->current->gstage;
	gpa_t table = (gpa_t)FIELD_GET(HGATP_PPN, hgatp) << PAGE_SHIFT;
	unsigned int level = gs->levels;
	int err;

	*walk = (struct shadow_walk){ .generation = vcpu->shadow->generation };
	if (fault->gpa >= gstage_limit(gs))
		return -EACCES;
	while (level-- > 0) {
		gpa_t pte_gpa = table + gstage_index(gs, fault->gpa, level) * sizeof(pte_t);
		pte_t pte;

		if (vcpu->shadow->protects)
			shadow_source_add(vcpu, pte_gpa, fault->gpa, level);
		err = kvm_read_guest(vcpu->kvm, pte_gpa, &pte, sizeof(pte));
		if (err)
			return err == -ENXIO ? -EIO : -EFAULT;
		if (!(pte & PTE_V) || (!(pte & PTE_R) && (pte & PTE_W)))
			return -EACCES;
		if (is_reserved(vcpu->shadow, pte, level))
			return -EACCES;
		if (pte_is_leaf(pte)) {
			walk->level = level;
			walk->pte = pte;
			return leaf_reached(fault, mxr, walk);
		}
		table = pte_to_hpa(pte);
	}
	return -EACCES;
}

/* ---- filling ----------------------------------------------------------------------------------- */

/* What both L1's leaf and the VM's own permit. */
static pte_t leaf_flags(const struct shadow_walk *walk, const struct gstage_leaf *own)
{
	/* lab 14: write leaf_flags: return the flags of the shadow leaf */
	pte_t flags = PTE_V | PTE_U | PTE_A | (walk->pte & own->pte & (PTE_R | PTE_X));

	if ((walk->pte & PTE_W) && (walk->pte & PTE_D) && (own->pte & PTE_W))
		flags |= PTE_W | PTE_D;
	return flags;
	/* lab 14 end */
}

/*
 * Do the flags of the shadow leaf permit the access, which L1's leaf permits? A load from a leaf of L1
 * without R needs X (MXR), which the VM's own leaf may lack. Without R and X, the entry would be a
 * pointer to a table: L1's page. The walk for a fetch only reads.
 */
static bool is_enough(pte_t flags, const struct gstage_fault *fault)
{
	if (fault->write)
		return flags & PTE_W;
	return flags & (fault->fetch && !fault->implicit ? PTE_X : PTE_R | PTE_X);
}

static int map(struct kvm_vcpu *vcpu, const struct gstage_fault *fault,
	       const struct shadow_walk *walk, const struct gstage_leaf *own, hpa_t *retired)
{
	struct shadow_table *table = vcpu->shadow->current;
	struct gstage *gs = &table->gstage;
	unsigned long root = gstage_index(gs, fault->gpa, gs->levels - 1), tables = gs->tables;
	pte_t old;
	int err;
	/* lab 14: write the level of the shadow leaf, and the host address that it maps */
	unsigned int level = MIN(MIN(walk->level, own->level), gs->levels - 1);
	hpa_t pa = ALIGN_DOWN(gstage_leaf_hpa(own, walk->gpa), gstage_size(level));
	/* lab 14 end */

	table->used.first = table->used.end ? MIN(table->used.first, root) : root;
	table->used.end = MAX(table->used.end, root + 1);
	spin_lock(&gs->mmu_lock);
	err = gstage_map(gs, fault->gpa, level, pte_make(pa, leaf_flags(walk, own)), &old);
	*retired = gstage_take_retired(gs);
	spin_unlock(&gs->mmu_lock);
	if (err)
		return err;
	table->from_huge |= walk->level > 1;
	shadow_reverse_add(vcpu, ALIGN_DOWN(walk->gpa, gstage_size(level)),
			   ALIGN_DOWN(fault->gpa, gstage_size(level)), pa, level);
	/*
	 * The leaf comes from a larger leaf of L1. Or the map has split a larger leaf of the shadow
	 * table, whose source L1 has replaced without a fence so far.
	 */
	if (!level &&
	    (walk->level || (walk->pte & PTE_NAPOT) || ((old & PTE_V) && gs->tables != tables)))
		shadow_block_entry(gs, fault->gpa, PTE_FROM_LARGE);
	if (old & PTE_V)
		tlb_flush_vm_local(vcpu->kvm);
	else
		hfence_gvma_vmid_gpa(tlb_loaded_vmid(), fault->gpa);
	return 0;
}

/*
 * Only leaves of memory are copied, not those of an interrupt file, which is taken back without
 * stopping the vCPU.
 */
int shadow_map(struct kvm_vcpu *vcpu, const struct gstage_fault *fault,
	       const struct shadow_walk *walk)
{
	struct gstage *own = &vcpu->kvm->gstage;
	struct shadow *shadow = vcpu->shadow;
	struct shadow_table *table = shadow->current;
	struct gstage_leaf leaf;
	hpa_t retired = 0;
	int err = 0;

	shadow_reclaim(vcpu);
	hv_pin();
	if (table->gstage.tables >= SHADOW_TABLES)
		drop_all_memory(vcpu, table);
	/*
	 * The table has been dropped since the walk: its old root has to be freed first, or L1 has changed
	 * its own table and fenced.
	 */
	if (walk->generation != shadow->generation) {
		hv_unpin();
		return 0;
	}
	spin_lock(&own->mmu_lock);
	if (gstage_find(own, walk->gpa, &leaf) || !(leaf.pte & PTE_A) || (leaf.pte & PTE_DEVICE) ||
	    !is_enough(leaf_flags(walk, &leaf), fault))
		err = -ENOENT;
	spin_unlock(&own->mmu_lock);
	if (!err)
		err = map(vcpu, fault, walk, &leaf, &retired);
	hv_unpin();
	gstage_free_retired(retired, false);
	/* Give the tables' memory back. The caller then waits for memory, and L2 tries again. */
	if (err == -ENOMEM)
		for_each_shadow_table(table, shadow) drop_all_memory(vcpu, table);
	return err;
}
