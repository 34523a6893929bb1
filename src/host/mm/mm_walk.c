// SPDX-License-Identifier: MIT
/*
 * mm_walk.c - walk the leaves of a user page table: find, split, remove.
 *
 * A page is freed only after every hart that may use it has been fenced: mm_zap() collects a batch
 * of leaves, fences once, then drops their references. By then, its callers have removed the range
 * from the core's G-stage tables, with mm_notify_start() or release().
 */
#include <linux/errno.h>
#include "hv/bits.h"
#include "hv/host.h"
#include "hv/trace.h"
#include "page.h"
#include "lib/printk.h"
#include "sched/thread.h"
#include "vma.h"

#define INDEX(va, level) (((va) >> (PAGE_SHIFT + 9 * (level))) & 511)

static pte_t *table_of(pte_t pte)
{
	return pa_to_va(pte_to_hpa(pte));
}

/*
 * Return the first valid leaf of a level-0 table, from *va up to `end` or the end of the table, and
 * set *va to the address that the leaf maps. NULL: there is none; *va is where the search ended.
 */
static pte_t *next_in_table(pte_t *table, unsigned long *va, unsigned long end)
{
	unsigned long stop = MIN(end, ALIGN_DOWN(*va, SZ_2M) + SZ_2M);
	pte_t *pte = &table[INDEX(*va, 0)], *from = pte;
	pte_t *last = from + ((stop - *va + SZ_4K - 1) >> PAGE_SHIFT);

	/* Most tables of a sparse area have few leaves, so keep the loop minimal. */
	while (pte < last && !(*pte & PTE_V))
		pte++;
	*va += (unsigned long)(pte - from) * SZ_4K;
	return pte < last ? pte : NULL;
}

/*
 * Advance *va over an empty entry of a level-1 table and the empty ones that follow, up to `end` or
 * the end of the table. Returns the steps for mm_walked().
 */
static unsigned int skip_empty(const pte_t *pte, unsigned long *va, unsigned long end)
{
	unsigned long from = ALIGN_DOWN(*va, SZ_2M), at = from;

	do {
		at += SZ_2M;
		pte++;
	} while (at < end && at % SZ_1G && !(*pte & PTE_V));
	*va = at;
	return (unsigned int)((at - from) / SZ_2M) * WALK_ENTRY + WALK_STEP;
}

void mm_walked(struct mm *mm, unsigned int steps)
{
	mm->walked += steps;
	if (mm->walked < WALK_PIECE)
		return;
	mm->walked = 0;
	irq_window();
}

pte_t *mm_next_leaf(struct mm *mm, unsigned long *va, unsigned long end, unsigned long *size)
{
	pte_t *root = pa_to_va(mm->root);
	unsigned long from;
	pte_t *pte;

	mm_walked(mm, WALK_LEAF);
	while (*va < end) {
		pte = &root[INDEX(*va, 2)];
		if (!(*pte & PTE_V)) {
			*va = ALIGN_DOWN(*va, SZ_1G) + SZ_1G;
			mm_walked(mm, WALK_STEP);
			continue;
		}
		pte = &table_of(*pte)[INDEX(*va, 1)];
		if (!(*pte & PTE_V)) {
			mm_walked(mm, skip_empty(pte, va, end));
			continue;
		}
		if (pte_is_leaf(*pte)) {
			*size = SZ_2M;
			*va = ALIGN_DOWN(*va, SZ_2M);
			return pte;
		}
		from = *va;
		pte = next_in_table(table_of(*pte), va, end);
		if (*va - from >= SZ_2M / 8)
			mm_walked(mm, (unsigned int)((*va - from) / SZ_4K));
		if (pte) {
			*size = SZ_4K;
			return pte;
		}
	}
	return NULL;
}

pte_t *mm_next_leaf_within(struct mm *mm, unsigned long *va, unsigned long end, unsigned long *size)
{
	unsigned long from = *va;
	pte_t *pte = mm_next_leaf(mm, va, end, size);

	BUG_ON(pte && (*va < from || *va + *size > end));
	return pte;
}

int mm_split_leaf_at(struct mm *mm, unsigned long va)
{
	unsigned long size;

	if (IS_ALIGNED(va, SZ_2M) || !pgtable_find(mm, va, &size) || size == SZ_4K)
		return 0;
	return pgtable_alloc(mm, va, SZ_4K) ? 0 : -ENOMEM;
}

void mm_put_leaf_pages(pte_t pte, unsigned long size)
{
	if (page_is_zero(pte_to_hpa(pte)))
		return;
	if (size == SZ_2M)
		page_free(pte_to_hpa(pte), ORDER_2M);
	else
		page_put(pte_to_hpa(pte));
}

void mm_get_leaf_pages(pte_t pte, unsigned long size)
{
	hpa_t pa = pte_to_hpa(pte);
	hpa_t end = pa + size;

	if (page_is_zero(pa))
		return;
	for (; pa < end; pa += SZ_4K)
		page_get(pa);
}

bool mm_leaf_is_unshared(pte_t pte, unsigned long size)
{
	hpa_t pa = pte_to_hpa(pte);
	hpa_t end = pa + size;

	if (page_is_zero(pa))
		return false;
	for (; pa < end; pa += SZ_4K)
		if (page_refs(pa) != 1)
			return false;
	return true;
}

unsigned long mm_count_elsewhere(struct mm *mm)
{
	unsigned long va = 0, size, n = 0;
	pte_t *pte;

	while ((pte = mm_next_leaf(mm, &va, USER_END, &size)) != NULL) {
		if (page_is_elsewhere(pte_to_hpa(*pte)))
			n += size / SZ_4K;
		va += size;
	}
	return n;
}

#define ZAP_BATCH 64

struct zap {
	struct mm *mm;
	unsigned int count;
	unsigned long start, end; /* the range that is cleared but not fenced yet */
	pte_t pte[ZAP_BATCH];
	bool huge[ZAP_BATCH];
};

static void zap_flush(struct zap *zap)
{
	unsigned int i;

	if (!zap->count)
		return;
	mm_flush_tlb(zap->mm, zap->start, zap->end - zap->start);
	for (i = 0; i < zap->count; i++) {
		mm_put_leaf_pages(zap->pte[i], zap->huge[i] ? SZ_2M : SZ_4K);
		/* Putting 512 pages one by one, or merging free buddies, may take long. */
		if (zap->huge[i] || i % 8 == 7)
			irq_window();
	}
	zap->count = 0;
	irq_window();
}

void mm_zap(struct mm *mm, unsigned long start, unsigned long end)
{
	struct zap zap = { .mm = mm };
	unsigned long va = start, size;
	pte_t *pte;

	trace_mm_unmap(start, end);
	BUG_ON(!mutex_is_mine(&mm->lock));
	while ((pte = mm_next_leaf_within(mm, &va, end, &size)) != NULL) {
		if (!zap.count)
			zap.start = va;
		zap.end = va + size;
		zap.pte[zap.count] = *pte;
		zap.huge[zap.count] = size == SZ_2M;
		WRITE_ONCE(*pte, 0);
		WRITE_ONCE(mm->total_pages,
			   mm->total_pages - mm_leaf_pages(zap.pte[zap.count], size));
		va += size;
		if (++zap.count == ZAP_BATCH)
			zap_flush(&zap);
	}
	zap_flush(&zap);
}

/* Tables that are unlinked but not fenced yet. */
struct dead_tables {
	unsigned int count;
	hpa_t pa[ZAP_BATCH];
};

static void free_dead(struct mm *mm, struct dead_tables *dead)
{
	unsigned int i;

	if (!dead->count)
		return;
	/* Until the fence, walkers may use cached pointers, which no fence of a range drops. */
	mm_flush_tlb(mm, 0, ~0UL);
	peek_invalidate(mm);
	for (i = 0; i < dead->count; i++) {
		page_free(dead->pa[i], 0);
		if (i % 8 == 7)
			irq_window();
	}
	dead->count = 0;
	irq_window();
}

static bool is_empty(const pte_t *table)
{
	const pte_t *end = table + 512;

	while (table < end && !*table)
		table++;
	return table == end;
}

void mm_free_tables(struct mm *mm, unsigned long start, unsigned long end)
{
	unsigned long va = ALIGN_DOWN(start, SZ_2M);
	pte_t *root = pa_to_va(mm->root), *pte;
	struct dead_tables dead = { 0 };
	unsigned int looked = 0;

	while (va < end) {
		if (!(root[INDEX(va, 2)] & PTE_V)) {
			va = ALIGN_DOWN(va, SZ_1G) + SZ_1G;
			continue;
		}
		pte = &table_of(root[INDEX(va, 2)])[INDEX(va, 1)];
		if (pte_is_table(*pte) && is_empty(table_of(*pte))) {
			dead.pa[dead.count++] = pte_to_hpa(*pte);
			WRITE_ONCE(*pte, 0);
		}
		va += SZ_2M;
		if (dead.count == ZAP_BATCH)
			free_dead(mm, &dead);
		if (++looked % 4 == 0)
			irq_window();
	}
	free_dead(mm, &dead);
}
