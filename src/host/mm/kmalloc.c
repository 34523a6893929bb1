// SPDX-License-Identifier: MIT
/*
 * kmalloc.c - small objects: pages cut into objects of one size each.
 *
 * Sizes are powers of two from 32 to 2048 bytes; what is larger takes whole pages.
 * A page whose objects are all free goes back to the page allocator, except the
 * last of its size with room. Locks: slab_lock.
 */
#include <string.h>
#include "page.h"
#include "lib/printk.h"
#include "hv/spinlock.h"

#define NR_CLASSES 7 /* 32 << 6 = 2048 */

static struct list_head partial[NR_CLASSES]; /* pages with a free object */
static size_t nr_slabs[NR_CLASSES], nr_used[NR_CLASSES];
static struct spinlock slab_lock;

static unsigned int class_of(size_t size)
{
	unsigned int class = 0;

	while ((32UL << class) < size)
		class ++;
	return class;
}

/* A fresh page as a chain of free objects. */
static struct page *slab_create(unsigned int class)
{
	size_t size = 32UL << class;
	hpa_t pa = page_alloc(0);
	struct page *page;
	char *va;

	if (!pa)
		return NULL;
	page = page_of(pa);
	page->kind = PAGE_SLAB;
	page->slab_class = (u8) class;
	page->slab_used = 0;
	page->slab_free = NULL;
	va = pa_to_va(pa);
	for (size_t at = PAGE_SIZE; at >= size; at -= size) {
		*(void **)(va + at - size) = page->slab_free;
		page->slab_free = va + at - size;
	}
	return page;
}

static void *slab_alloc(unsigned int class)
{
	struct page *page;
	void *object;

	spin_lock(&slab_lock);
	if (!partial[class].next)
		list_init(&partial[class]);
	if (list_empty(&partial[class])) {
		page = slab_create(class);
		if (!page) {
			spin_unlock(&slab_lock);
			return NULL;
		}
		list_add(&page->link, &partial[class]);
		nr_slabs[class]++;
	}
	page = list_first_entry(&partial[class], struct page, link);
	object = page->slab_free;
	page->slab_free = *(void **)object;
	page->slab_used++;
	nr_used[class]++;
	if (!page->slab_free)
		list_del(&page->link);
	spin_unlock(&slab_lock);
	memset(object, 0, 32UL << class);
	return object;
}

static void slab_release(struct page *page, hpa_t pa, void *object)
{
	struct list_head *list = &partial[page->slab_class];
	bool was_full, last;

	spin_lock(&slab_lock);
	was_full = !page->slab_free;
	*(void **)object = page->slab_free;
	page->slab_free = object;
	page->slab_used--;
	nr_used[page->slab_class]--;
	if (was_full)
		list_add(&page->link, list);
	last = list->next == &page->link && list->prev == &page->link;
	if (page->slab_used || last) {
		spin_unlock(&slab_lock);
		return;
	}
	list_del(&page->link);
	nr_slabs[page->slab_class]--;
	page->kind = PAGE_OTHER;
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
	page_of(pa)->kind = PAGE_BIG;
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
	page->kind = PAGE_OTHER;
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
