// SPDX-License-Identifier: MIT
/*
 * shortage.c - /sys/kernel/debug/free_pages: a shortage of memory on request, for tests.
 *
 * Writing a number N to the file leaves N pages free: all other free pages are withheld, and so are
 * the free kmalloc() objects of the writing process. The shortage ends when a thread would wait for
 * memory (oom_wait()), when -1 is written, or when another number starts the next shortage. Writing
 * -1 fails with EALREADY if no shortage is in force. Reading the file gives the number of free
 * pages.
 *
 * A test makes the same system call with N = 0, 1, 2, ...: each page that the call allocates is in
 * turn the first one that is missing. When the call is repeated (syscall.c), all pages are
 * available. The allocator does not need any code for these tests.
 *
 * Lock: shortage_lock (a mutex), held while pages are being taken or released. The allocator does
 * not take it.
 */
#include <linux/errno.h>
#include <string.h>
#include "account.h"
#include "fs/pseudo.h"
#include "page.h"
#include "proc/oom.h"
#include "sched/thread.h"
#include "shortage.h"

static struct mutex shortage_lock;
static bool in_force;
static struct list_head blocks = LIST_HEAD_INIT(blocks);   /* withheld, by page->link */
static struct list_head objects = LIST_HEAD_INIT(objects); /* each object is its own link */

static void release(struct list_head *list)
{
	struct page *page, *n;

	list_for_each_entry_safe(page, n, list, link) {
		list_del(&page->link);
		page_free(page_to_hpa(page), page->order);
		irq_window();
	}
}

/* Allocate up to `max` blocks of this order, and add them to the list. */
static void take(struct list_head *list, unsigned int order, unsigned long max)
{
	struct page *page;
	hpa_t pa;

	while (max-- && (pa = page_alloc_user(order))) {
		page = page_of(pa);
		page->order = (u8)order;
		list_add(&page->link, list);
		irq_window();
	}
}

/*
 * Take all free objects of the writing process. No page is free now, so kmalloc() fails when the
 * process has no free object of the requested size left.
 */
static void take_objects(void)
{
	struct list_head *object;
	unsigned int class;

	for (class = 0; class < KMALLOC_CLASSES; class ++)
		while ((object = kmalloc(32UL << class)))
			list_add(object, &objects);
}

static void begin(unsigned long left)
{
	struct list_head spared = LIST_HEAD_INIT(spared);
	int order;

	/* Set in_force first: a thread that misses a page meanwhile waits in shortage_end(). */
	in_force = true;
	take(&spared, 0, left);
	for (order = PAGE_MAX_ORDER; order >= 0; order--)
		take(&blocks, (unsigned int)order, ~0UL);
	take_objects();
	release(&spared);
	page_miss_forget(); /* these allocations were meant to fail */
}

bool shortage_end(void)
{
	struct list_head *object, *n;
	bool was;

	/*
	 * Take the lock even if no shortage is in force any more: a thread that has missed a page
	 * waits here until the end of the shortage has been counted as a round.
	 */
	mutex_lock(&shortage_lock);
	was = in_force;
	in_force = false;
	release(&blocks);
	for (object = objects.next; object != &objects; object = n) {
		n = object->next;
		kfree(object);
	}
	list_init(&objects);
	if (was)
		oom_round_ended(); /* other threads that found no page no longer need a victim */
	mutex_unlock(&shortage_lock);
	return was;
}

static int store_pages(struct inode *inode, const char *line)
{
	unsigned long left;

	(void)inode;
	if (!strcmp(line, "-1"))
		return shortage_end() ? 0 : -EALREADY;
	if (pseudo_number(line, ~0UL, &left))
		return -EINVAL;
	shortage_end();
	mutex_lock(&shortage_lock);
	if (!in_force)
		begin(left);
	mutex_unlock(&shortage_lock);
	return 0;
}

static int show_pages(struct inode *inode, struct text *t)
{
	(void)inode;
	text_add(t, "%zu\n", page_free_count());
	return 0;
}

void shortage_init(void)
{
	static const struct pseudo_file file = { .path = "/sys/kernel/debug/free_pages",
						 .show = show_pages,
						 .store = store_pages,
						 .mode = 0600 };

	mutex_init(&shortage_lock);
	pseudo_make(&file);
}
