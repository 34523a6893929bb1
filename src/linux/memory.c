// SPDX-License-Identifier: MIT
/*
 * memory.c - pages and small blocks of kernel memory.
 *
 * The core allocates with interrupts off, so an allocation must not sleep. hv_pages_alloc() must not
 * wake kswapd either, because the core may hold mmu_lock, which hook_out() takes while the scheduler
 * holds the run queue's lock (thread.c). hv_alloc() is called without spinlocks, and its flags must
 * permit that kswapd is woken: from Linux 6.18 on, SLUB takes an allocation without this flag for one
 * that may not even take locks, and may then leave it out of the memory cgroup's account.
 *
 * An allocation respects the limit of the process's memory cgroup, and leaves the system's reserves
 * alone. If it fails, the core's ioctl returns -ENOMEM, and file.c repeats it with a reserve.
 */
#include <linux/gfp.h>
#include <linux/hashtable.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include "linux.h"

#define PAGES_GFP (__GFP_ZERO | __GFP_NOWARN | __GFP_ACCOUNT)
#define BLOCK_GFP (PAGES_GFP | GFP_NOWAIT)

static DEFINE_HASHTABLE(reserves, 6);
static DEFINE_RAW_SPINLOCK(reserves_lock);

#define RESERVE_GFP (GFP_KERNEL_ACCOUNT | __GFP_ZERO | __GFP_NOWARN)
#define MAX_BLOCKS  4 /* an ioctl needs few blocks, and they may be large */

static gfp_t compound(unsigned int order)
{
	return order ? __GFP_COMP : 0;
}

static bool fill(struct list_head *list, unsigned int count, unsigned int order)
{
	struct page *page;

	for (; count; count--) {
		page = alloc_pages(RESERVE_GFP | compound(order), order);
		if (!page)
			return false;
		list_add(&page->lru, list);
	}
	return !fatal_signal_pending(current);
}

static void drain(struct list_head *list, unsigned int order)
{
	struct page *page, *next;

	list_for_each_entry_safe(page, next, list, lru)
		__free_pages(page, order);
}

bool reserve_begin(struct reserve *reserve, unsigned int pages)
{
	reserve->thread = current;
	reserve->order = reserve->wanted;
	INIT_LIST_HEAD(&reserve->pages);
	INIT_LIST_HEAD(&reserve->blocks);
	raw_spin_lock_irq(&reserves_lock);
	hash_add(reserves, &reserve->link, (unsigned long)current);
	raw_spin_unlock_irq(&reserves_lock);
	reserve->taken = false;
	if (fill(&reserve->pages, pages, 0) &&
	    (!reserve->order || fill(&reserve->blocks, min(pages, MAX_BLOCKS), reserve->order)))
		return true;
	reserve_end(reserve);
	return false;
}

bool reserve_end(struct reserve *reserve)
{
	raw_spin_lock_irq(&reserves_lock);
	hash_del(&reserve->link);
	raw_spin_unlock_irq(&reserves_lock);
	drain(&reserve->pages, 0);
	drain(&reserve->blocks, reserve->order);
	return reserve->taken;
}

/* reserves_lock held. Returns NULL if the calling thread has no reserve. */
static struct reserve *reserve_of_thread(void)
{
	struct reserve *reserve;

	hash_for_each_possible(reserves, reserve, link, (unsigned long)current)
		if (reserve->thread == current)
			return reserve;
	return NULL;
}

/*
 * Take a block from the calling thread's reserve, and store its order, which is at least *order.
 * Returns NULL if there is none.
 */
static struct page *reserve_take(unsigned int *order)
{
	struct reserve *reserve;
	struct page *page = NULL;
	unsigned long flags;

	if (in_hardirq())
		return NULL;
	raw_spin_lock_irqsave(&reserves_lock, flags);
	reserve = reserve_of_thread();
	if (reserve && *order <= reserve->order) {
		page = list_first_entry_or_null(*order ? &reserve->blocks : &reserve->pages,
						struct page, lru);
		if (*order)
			*order = reserve->order;
	}
	if (page) {
		list_del(&page->lru);
		reserve->taken = true;
	} else if (reserve) {
		reserve->wanted = max(reserve->wanted, *order);
	}
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
	unsigned int found = order;

	check_context();
	page = alloc_pages(PAGES_GFP | compound(order), order);
	if (!page) {
		page = reserve_take(&found);
		/* The core will free it as a block of `order`, so allocate it as one. */
		if (page && found != order) {
			__free_pages(page, found);
			page = alloc_pages(PAGES_GFP | compound(order), order);
		}
	}
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
	unsigned int order = get_order(size);
	struct page *page;
	void *p;

	check_context();
	check_not_pinned();
	p = kmalloc(size, BLOCK_GFP);
	if (p)
		return p;
	page = reserve_take(&order);
	if (!page)
		return NULL;
	__free_pages(page, order);
	return kmalloc(size, BLOCK_GFP);
}

void hv_free(void *p)
{
	kfree(p);
}
