// SPDX-License-Identifier: MIT
/*
 * fault_page.c - new pages for faults: clear or copy them without mm->lock.
 *
 * A fault that needs a new page is handled twice. The first time, mm_fault_locked() finds out which
 * page is needed, allocates it and returns -EAGAIN. Its caller releases mm->lock, and
 * mm_fault_continue() clears the page or copies another page to it. The second time, the address
 * space may have changed: the page is mapped if it is still what the fault needs, and freed
 * otherwise. So other faults of the process do not wait while 2 MiB are cleared.
 *
 * For a page of 4 KiB, handling the fault twice costs more than clearing the page. So a thread whose
 * last new page was a cleared page of 4 KiB prepares another one before it takes mm->lock
 * (mm_fault_begin()).
 *
 * A huge page of hugetlb.c gets its contents with mm->lock held. Otherwise, another thread that
 * faults on the same address could find the pool empty, although it needs no page of its own.
 *
 * The fault holds a reference to a page that it copies, so that the page is not freed and, because
 * a private page with two references is never made writable (fault.c), does not change.
 */
#include <linux/errno.h>
#include <string.h>
#include "hv/host.h"
#include "hugetlb.h"
#include "page.h"
#include "sched/thread.h"
#include "vma.h"

static void drop_source(struct mm_fault *fault)
{
	if (fault->from)
		mm_put_leaf_pages(pte_make(fault->from, 0), fault->size);
	fault->from = 0;
}

void mm_fault_free_page(struct mm_fault *fault)
{
	current->expects_zeroes = false;
	drop_source(fault);
	page_free(fault->page, fault->size == SZ_2M ? ORDER_2M : 0);
	fault->page = 0;
}

void mm_fault_begin(struct mm_fault *fault)
{
	if (!current->expects_zeroes)
		return;
	fault->page = page_alloc_user_zeroed(0);
	fault->size = SZ_4K;
}

int mm_fault_take_page(struct mm_fault *fault, unsigned long size, hpa_t from, hpa_t *page)
{
	if (fault->page && fault->size == size && fault->from == from) {
		drop_source(fault);
		*page = fault->page;
		fault->page = 0;
		return 0;
	}
	mm_fault_end(fault);
	fault->page = page_alloc_user(size == SZ_2M ? ORDER_2M : 0);
	if (!fault->page)
		return -ENOMEM;
	fault->size = size;
	fault->from = from;
	fault->is_new = true;
	if (from)
		mm_get_leaf_pages(pte_make(from, 0), size);
	return -EAGAIN;
}

int mm_fault_take_zeroes(struct mm_fault *fault, bool block, unsigned long *size, hpa_t *page)
{
	/* A block that is ready is used, even if its allocation has made memory scarce. */
	bool plenty = (fault->page && fault->size == SZ_2M) || page_is_plenty();
	int err = -ENOMEM;

	*size = SZ_2M;
	if (block && plenty && !fault->no_block)
		err = mm_fault_take_page(fault, SZ_2M, 0, page);
	if (err != -ENOMEM)
		return err;
	*size = SZ_4K;
	err = mm_fault_take_page(fault, SZ_4K, 0, page);
	/* The next try must not look for a block again: that would free the page of 4 KiB. */
	fault->no_block = err != 0;
	if (!err)
		current->expects_zeroes = true;
	return err;
}

#define COPY_PIECE 0x8000UL /* about 8200 instructions */

static void copy_block(hpa_t to, hpa_t from)
{
	for (unsigned long done = 0; done < SZ_2M; done += COPY_PIECE) {
		memcpy(pa_to_va(to + done), pa_to_va(from + done), COPY_PIECE);
		irq_window();
	}
}

static void fill(hpa_t page, hpa_t from, unsigned long size)
{
	if (!from && size == SZ_2M)
		page_clear_block(page);
	else if (!from)
		page_clear(pa_to_va(page), PAGE_SIZE);
	else if (size == SZ_2M)
		copy_block(page, from);
	else
		memcpy(pa_to_va(page), pa_to_va(from), PAGE_SIZE);
}

hpa_t mm_fault_huge_page(hpa_t from)
{
	hpa_t page = huge_page_alloc();

	if (page)
		fill(page, from, SZ_2M);
	return page;
}

int mm_fault_continue(struct mm_fault *fault)
{
	if (!fault->is_new)
		return uffd_sleep(&fault->uffd);
	fault->is_new = false;
	fill(fault->page, fault->from, fault->size);
	return 0;
}
