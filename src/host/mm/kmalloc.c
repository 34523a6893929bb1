// SPDX-License-Identifier: MIT
/*
 * kmalloc.c - small objects: pages cut into objects of one size each.
 *
 * Sizes are powers of two from 32 to 2048 bytes; larger allocations take whole pages. All objects
 * of a page are charged to one account (account.h), or to none. A page whose objects are all free
 * is returned to the page allocator, unless it is the last page with free objects of that size in
 * its account; a dead account keeps none. When a process ends, its pages stay charged to its account
 * until their objects are free, and no thread can use their free objects. Without the charge, a
 * program could hold memory that the OOM killer counts for nobody: objects of ended children in
 * descriptors that it shares with them. Locks: slab_lock.
 */
#include <string.h>
#include "account.h"
#include "page.h"
#include "lib/printk.h"
#include "hv/spinlock.h"
#include "sched/thread.h"

#define NR_CLASSES KMALLOC_CLASSES

static struct slabs common; /* pages that are not charged to any account */
static size_t nr_slabs[NR_CLASSES], nr_used[NR_CLASSES];
static struct spinlock slab_lock;

static unsigned int class_of(size_t size)
{
	unsigned int class = 0;

	while ((32UL << class) < size)
		class ++;
	return class;
}

/* Allocate a page and turn it into a chain of free objects. */
static struct page *slab_create(unsigned int class)
{
	size_t size = 32UL << class;
	hpa_t pa = page_alloc(0);
	struct page *page;
	char *va;

	if (!pa)
		return NULL;
	page = page_of(pa);
	WRITE_ONCE(page->kind, PAGE_SLAB);
	page->slab_class = (u8) class;
	page->slab_used = 0;
	page->slab_free = 1;
	va = pa_to_va(pa);
	/*
	 * Each free object starts with the value to which slab_free is set when the object is
	 * allocated.
	 */
	for (size_t at = 0; at < PAGE_SIZE; at += size)
		*(u32 *)(va + at) = at + size < PAGE_SIZE ? (u32)(at + size + 1) : 0;
	return page;
}

/*
 * Return the list of pages with a free object of this class. Each account has its own lists;
 * threads without an account use the common ones. slab_lock is held.
 */
static struct list_head *partial_of(struct account *account, unsigned int class)
{
	struct slabs *slabs = account ? &account->slabs : &common;

	if (!slabs->partial[class].next)
		list_init(&slabs->partial[class]);
	return &slabs->partial[class];
}

static void *slab_alloc(unsigned int class)
{
	struct list_head *partial;
	struct page *page;
	void *object;
	u32 next;

	spin_lock(&slab_lock);
	partial = partial_of(current->account, class);
	if (list_empty(partial)) {
		page = slab_create(class);
		if (!page) {
			spin_unlock(&slab_lock);
			return NULL;
		}
		list_add(&page->link, partial);
		nr_slabs[class]++;
	}
	page = list_first_entry(partial, struct page, link);
	object = (u8 *)pa_to_va(page_to_hpa(page)) + page->slab_free - 1;
	next = *(u32 *)object;
	page->slab_free = (u16)next;
	page->slab_used++;
	nr_used[class]++;
	if (!next)
		list_del(&page->link);
	spin_unlock(&slab_lock);
	memset(object, 0, 32UL << class);
	return object;
}

void kmalloc_close(struct account *account)
{
	struct list_head empty = LIST_HEAD_INIT(empty);
	struct page *page, *n;
	unsigned int class;

	spin_lock(&slab_lock);
	WRITE_ONCE(account->is_dead, true); /* account_uncharge() reads it without slab_lock */
	for (class = 0; class < NR_CLASSES; class ++)
		list_for_each_entry_safe(page, n, &account->slabs.partial[class], link) {
			if (page->slab_used)
				continue;
			list_del(&page->link);
			list_add(&page->link, &empty);
			WRITE_ONCE(page->kind, PAGE_OTHER);
			nr_slabs[class]--;
		}
	spin_unlock(&slab_lock);
	list_for_each_entry_safe(page, n, &empty, link)
		page_free(page_to_hpa(page), 0);
}

static void slab_release(struct page *page, hpa_t pa, void *object)
{
	struct account *owner;
	struct list_head *list;
	bool last;
	u32 used;

	spin_lock(&slab_lock);
	owner = page->owner;
	list = partial_of(owner, page->slab_class);
	if (!page->slab_free) /* the page was full */
		list_add(&page->link, list);
	*(u32 *)object = page->slab_free;
	page->slab_free = (u16)((unsigned long)object % PAGE_SIZE) + 1;
	used = page->slab_used - 1u;
	page->slab_used = (u16)used;
	nr_used[page->slab_class]--;
	last = list->next == &page->link && list->prev == &page->link;
	if (used || (last && !(owner && owner->is_dead))) {
		spin_unlock(&slab_lock);
		return;
	}
	list_del(&page->link);
	nr_slabs[page->slab_class]--;
	WRITE_ONCE(page->kind, PAGE_OTHER);
	spin_unlock(&slab_lock);
	page_free(pa, 0);
}

void *kmalloc(size_t size)
{
	unsigned int order = 0;
	hpa_t pa;

	if (size <= 32UL << (NR_CLASSES - 1))
		return slab_alloc(class_of(size));
	while (order <= PAGE_MAX_ORDER && (PAGE_SIZE << order) < size)
		order++;
	pa = order <= PAGE_MAX_ORDER ? page_alloc_zeroed(order) : 0;
	if (!pa)
		return NULL;
	WRITE_ONCE(page_of(pa)->kind, PAGE_BIG);
	page_of(pa)->order = (u8)order;
	return pa_to_va(pa);
}

void kfree(void *p)
{
	hpa_t pa;
	struct page *page;

	if (!p)
		return;
	pa = ALIGN_DOWN(va_to_pa(p), PAGE_SIZE);
	page = page_of(pa);
	BUG_ON(!page || (page->kind != PAGE_SLAB && page->kind != PAGE_BIG));
	if (page->kind == PAGE_SLAB) {
		slab_release(page, pa, p);
		return;
	}
	WRITE_ONCE(page->kind, PAGE_OTHER);
	page_free(pa, page->order);
}

bool kmalloc_class(unsigned int class, struct kmalloc_class *info)
{
	if (class >= NR_CLASSES)
		return false;
	info->size = 32UL << class;
	spin_lock(&slab_lock);
	info->used = nr_used[class];
	info->pages = nr_slabs[class];
	spin_unlock(&slab_lock);
	return true;
}
