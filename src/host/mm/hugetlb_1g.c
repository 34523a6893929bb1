// SPDX-License-Identifier: MIT
/*
 * hugetlb_1g.c - the pool of 1 GiB huge pages, which is reserved at boot and never given back.
 *
 * The page allocator has no blocks of 1 GiB, so they are reserved before the allocator receives its
 * memory (hugepagesz=1G hugepages=N). The first touch of a block maps all of it, with 512 leaves of
 * 2 MiB, and an area of such blocks is never split within a block. The blocks are only for private
 * anonymous memory.
 *
 * The first 4K page of each 2 MiB of a block has the kind PAGE_GIANT. `unreferenced` of the block's
 * first 4K page counts the block's 4K pages without a reference. Lock: giant_lock.
 */
#include <linux/errno.h>
#include <string.h>
#include "hv/bits.h"
#include "hv/spinlock.h"
#include "hugetlb.h"
#include "page.h"
#include "lib/printk.h"
#include "sched/thread.h"
#include "vma.h"

#define GIANTS_MAX     64
#define PAGES_IN_GIANT (SZ_1G / PAGE_SIZE)

static hpa_t free_giants[GIANTS_MAX];
static size_t nr_giants, nr_free;
static struct spinlock giant_lock;

size_t giant_page_total(void)
{
	return nr_giants;
}

size_t giant_page_free_count(void)
{
	return READ_ONCE(nr_free);
}

static void giant_to_pool(hpa_t pa)
{
	struct page *page = page_of(pa);
	size_t i;

	for (i = 0; i < PAGES_IN_GIANT; i++) {
		WRITE_ONCE(page[i].refs, 1);
		if (i % (SZ_2M / PAGE_SIZE) == 0)
			WRITE_ONCE(page[i].kind, PAGE_GIANT);
	}
	page->unreferenced = 0;
	spin_lock(&giant_lock);
	free_giants[nr_free++] = pa;
	spin_unlock(&giant_lock);
}

size_t giant_pages_reserve(size_t wanted)
{
	hpa_t pa;

	while (nr_giants < MIN(wanted, (size_t)GIANTS_MAX) &&
	       (pa = page_boot_alloc(SZ_1G, SZ_1G)) != 0) {
		nr_giants++;
		giant_to_pool(pa);
	}
	return nr_giants;
}

void giant_page_dropped(hpa_t pa, unsigned int pages)
{
	hpa_t block = ALIGN_DOWN(pa, SZ_1G);

	if (__atomic_add_fetch(&page_of(block)->unreferenced, pages, __ATOMIC_ACQ_REL) ==
	    PAGES_IN_GIANT)
		giant_to_pool(block);
}

static hpa_t giant_alloc(void)
{
	hpa_t pa = 0;

	spin_lock(&giant_lock);
	if (nr_free)
		pa = free_giants[--nr_free];
	spin_unlock(&giant_lock);
	return pa;
}

int giant_page_map(struct mm *mm, const struct vma *vma, unsigned long va)
{
	unsigned long start = ALIGN_DOWN(va, SZ_1G), done;
	hpa_t pa = giant_alloc();
	int err = 0;

	if (!pa)
		return -EIO;
	for (done = 0; done < SZ_1G && !err; done += SZ_2M) {
		page_clear_block(pa + done);
		err = mm_install_page(mm, vma, start + done, pa + done);
	}
	if (!err)
		return 0;
	/*
	 * There was no memory for a page table of the 2 MiB tried last. Unmap the parts before, and
	 * free the others. Tables that have been allocated remain.
	 */
	mm_zap(mm, start, start + done - SZ_2M);
	for (done -= SZ_2M; done < SZ_1G; done += SZ_2M)
		page_free(pa + done, ORDER_2M);
	return err;
}

/*
 * The first write to a page after fork copies the page, as with any other page size. Here, the
 * copy is the whole GiB.
 */
int giant_page_copy(struct mm *mm, unsigned long va)
{
	unsigned long start = ALIGN_DOWN(va, SZ_1G), at, size;
	hpa_t copy = giant_alloc(), old;
	pte_t *pte;

	if (!copy)
		return -EIO;
	mm_notify_start(mm, start, start + SZ_1G);
	for (at = start; at < start + SZ_1G; at += SZ_2M) {
		pte = pgtable_find(mm, at, &size);
		BUG_ON(!pte || size != SZ_2M);
		old = pte_to_hpa(*pte);
		/*
		 * A part without other references may be writable: stop stores to it before the
		 * copy.
		 */
		if (*pte & PTE_W) {
			WRITE_ONCE(*pte, *pte & ~PTE_W);
			mm_flush_tlb(mm, at, SZ_2M);
		}
		memcpy(pa_to_va(copy + (at - start)), pa_to_va(old), SZ_2M);
		pte_publish(pte, pte_make(copy + (at - start), (*pte & ~PTE_PPN) | PTE_W));
		mm_flush_tlb(mm, at, SZ_2M);
		page_free(old, ORDER_2M);
		irq_window();
	}
	mm_notify_moved(mm, start, start + SZ_1G);
	mm_notify_end(mm, start, start + SZ_1G);
	return 0;
}
