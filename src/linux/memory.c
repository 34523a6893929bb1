// SPDX-License-Identifier: MIT
/*
 * memory.c - pages and small blocks of kernel memory.
 *
 * The core allocates with interrupts off and with its locks held, so an allocation must not sleep. Nor
 * may it wake kswapd, because the core may hold mmu_lock, which hook_out() takes while the scheduler
 * holds the run queue's lock (thread.c). An allocation respects the limit of the process's memory cgroup, and leaves the system's
 * reserves alone. If it fails, the core's ioctl returns -ENOMEM, and file.c repeats it with a reserve.
 */
#include <linux/gfp.h>
#include <linux/hashtable.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include "linux.h"

#define HV_GFP (__GFP_ZERO | __GFP_NOWARN | __GFP_ACCOUNT)

static DEFINE_HASHTABLE(reserves, 6);
static DEFINE_RAW_SPINLOCK(reserves_lock);

bool reserve_begin(struct reserve *reserve, unsigned int pages)
{
	struct page *page;

	reserve->thread = current;
	INIT_LIST_HEAD(&reserve->pages);
	raw_spin_lock_irq(&reserves_lock);
	hash_add(reserves, &reserve->link, (unsigned long)current);
	raw_spin_unlock_irq(&reserves_lock);
	for (; pages; pages--) {
		page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO | __GFP_NOWARN);
		if (!page || fatal_signal_pending(current))
			break;
		list_add(&page->lru, &reserve->pages);
	}
	if (!pages)
		return true;
	if (page)
		__free_page(page);
	reserve_end(reserve);
	return false;
}

void reserve_end(struct reserve *reserve)
{
	struct page *page, *next;

	raw_spin_lock_irq(&reserves_lock);
	hash_del(&reserve->link);
	raw_spin_unlock_irq(&reserves_lock);
	list_for_each_entry_safe(page, next, &reserve->pages, lru)
		__free_page(page);
}

/* Take a page from the calling thread's reserve. Returns NULL if there is none. */
static struct page *reserve_take(void)
{
	struct reserve *reserve;
	struct page *page = NULL;
	unsigned long flags;

	if (in_hardirq())
		return NULL;
	raw_spin_lock_irqsave(&reserves_lock, flags);
	hash_for_each_possible(reserves, reserve, link, (unsigned long)current)
		if (reserve->thread == current)
			page = list_first_entry_or_null(&reserve->pages, struct page, lru);
	if (page)
		list_del(&page->lru);
	raw_spin_unlock_irqrestore(&reserves_lock, flags);
	return page;
}

static void check_context(void)
{
	if (IS_ENABLED(CONFIG_DEBUG_ATOMIC_SLEEP))
		WARN_ON_ONCE(in_sched_out());
}

hpa_t hv_pages_alloc(unsigned int order)
{
	struct page *page;

	check_context();
	page = alloc_pages(HV_GFP | (order ? __GFP_COMP : 0), order);
	if (!page && !order)
		page = reserve_take();
	return page ? page_to_phys(page) : 0;
}

void hv_pages_free(hpa_t pa, unsigned int order)
{
	__free_pages(pfn_to_page(PHYS_PFN(pa)), order);
}

/* riscv64 maps all memory linearly. */
void *hv_page_map(hpa_t pa)
{
	return __va(pa);
}

void hv_page_unmap(void *va)
{
}

void *hv_alloc(size_t size)
{
	check_context();
	return kmalloc(size, HV_GFP);
}

void hv_free(void *p)
{
	kfree(p);
}
