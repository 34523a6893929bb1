// SPDX-License-Identifier: MIT
/*
 * collapse.c - madvise(MADV_COLLAPSE): move up to 512 small pages into one block of 2 MiB.
 *
 * Nothing else in this host moves pages that are in use. Every page gets another frame while
 * threads of the process and vCPUs of its VMs keep running:
 *
 *   mm_notify_start   no guest maps the pages, and none can map them before mm_notify_end
 *   clear entries     threads that touch the pages wait for mm->lock in their faults
 *   fence             no hart can write to an old frame any more
 *   copy              nothing else accesses the frames
 *   install one leaf  then mm_notify_moved, mm_notify_end, and free the old frames
 *
 * If a page has another reference, its 2 MiB are not collapsed, because the holder of that
 * reference (a device transfer or, after fork, the other process) may access the old frame. Only
 * private anonymous memory is collapsed, unless it consists of huge pages (hugetlb.c), has
 * VMA_NO_HUGE, or is registered with a userfaultfd. Locks: mm->lock.
 */
#include <linux/errno.h>
#include <linux/mman.h>
#include <string.h>
#include "hv/bits.h"
#include "hv/trace.h"
#include "page.h"
#include "lib/printk.h"
#include "sched/thread.h"
#include "vma.h"

#define BLOCK_PAGES 512
#define COPY_BATCH  16 /* pages between irq_window() calls; copying one takes 1200 instructions */
#define PUT_BATCH   8

struct block {
	struct mm *mm;
	const struct vma *vma;
	unsigned long start;
	hpa_t to;
	hpa_t *from; /* BLOCK_PAGES old frames; 0: no page, or the zero page */
	unsigned int present;
};

/* Returns 0, 1 (already one leaf), -EAGAIN (a page has another reference) or -EINVAL (no page). */
static int check_pages(struct block *b)
{
	unsigned long va = b->start, size;
	pte_t *pte;

	while ((pte = mm_next_leaf_within(b->mm, &va, b->start + SZ_2M, &size)) != NULL) {
		if (size == SZ_2M)
			return 1;
		va += size;
		if (page_is_zero(pte_to_hpa(*pte)))
			continue;
		if (page_refs(pte_to_hpa(*pte)) != 1)
			return -EAGAIN;
		b->present++;
	}
	return b->present ? 0 : -EINVAL;
}

static void take_pages(struct block *b)
{
	unsigned long va = b->start, size;
	pte_t *pte;

	while ((pte = mm_next_leaf_within(b->mm, &va, b->start + SZ_2M, &size)) != NULL) {
		if (!page_is_zero(pte_to_hpa(*pte)))
			b->from[(va - b->start) / PAGE_SIZE] = pte_to_hpa(*pte);
		WRITE_ONCE(*pte, 0);
		va += size;
	}
	mm_flush_tlb(b->mm, b->start, SZ_2M);
}

static void copy_pages(const struct block *b)
{
	u8 *to = pa_to_va(b->to);
	unsigned int i;

	for (i = 0; i < BLOCK_PAGES; i++, to += PAGE_SIZE) {
		if (b->from[i])
			memcpy(to, pa_to_va(b->from[i]), PAGE_SIZE);
		else
			page_clear(to, PAGE_SIZE);
		if (i % COPY_BATCH == 0)
			irq_window();
	}
}

static void put_leaf(struct block *b)
{
	pte_t *pte;

	/* Free the small pages' empty table. The table above it exists, so neither call fails. */
	BUG_ON(!pgtable_collapse_empty(b->mm, b->start));
	pte = pgtable_alloc(b->mm, b->start, SZ_2M);
	BUG_ON(!pte);
	pte_publish(pte, pte_make(b->to, vma_pte_flags(b->vma->prot)));
	WRITE_ONCE(b->mm->total_pages, b->mm->total_pages + (BLOCK_PAGES - b->present));
	if (b->vma->prot & PROT_EXEC)
		mm_sync_icache(b->mm);
}

static void move_block(struct block *b)
{
	unsigned int i;

	trace_mm_collapse(b->start, b->present);
	mm_notify_start(b->mm, b->start, b->start + SZ_2M);
	take_pages(b);
	copy_pages(b);
	put_leaf(b);
	mm_notify_moved(b->mm, b->start, b->start + SZ_2M);
	mm_notify_end(b->mm, b->start, b->start + SZ_2M);
	for (i = 0; i < BLOCK_PAGES; i++) {
		if (b->from[i])
			page_put(b->from[i]);
		if (i % PUT_BATCH == 0)
			irq_window();
	}
}

static int collapse_block(struct block *b)
{
	int err = check_pages(b);

	if (err)
		return err == 1 ? 0 : err;
	b->from = kmalloc(BLOCK_PAGES * sizeof(*b->from));
	b->to = page_alloc_user(ORDER_2M);
	if (b->from && b->to) {
		move_block(b);
	} else {
		if (b->to)
			page_free(b->to, ORDER_2M);
		err = -ENOMEM;
	}
	kfree(b->from);
	return err;
}

int mm_collapse(struct mm *mm, unsigned long start, unsigned long end)
{
	unsigned long va = ALIGN_UP(start, SZ_2M);
	int err = va < ALIGN_DOWN(end, SZ_2M) ? 0 : -EINVAL, failed;

	for (; va + SZ_2M <= end && !READ_ONCE(current->sig.kill); va += SZ_2M) {
		struct block b = { .mm = mm, .vma = vma_find(mm, va), .start = va };
		bool fits = b.vma && !b.vma->file &&
			    !(b.vma->flags & (VMA_SHARED | VMA_NO_HUGE | VMA_HUGETLB | VMA_UFFD)) &&
			    b.vma->end - va >= SZ_2M;

		/* As on Linux, a failure doesn't end the loop, and the last error is returned. */
		failed = fits ? collapse_block(&b) : -EINVAL;
		err = failed ? failed : err;
		irq_window();
	}
	return err;
}
