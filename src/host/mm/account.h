// SPDX-License-Identifier: MIT
/*
 * account.h - whom kernel memory is charged to.
 *
 * Every page that page_alloc() gives is charged to the calling thread's account, its process's: page
 * tables, kernel stacks, small objects, pipes, files in memory, KVM's structs and tables. struct page
 * remembers the account until the page is free. What mm->total_pages counts is not charged
 * (page_alloc_user()). Objects that several processes use stay charged to whoever made them.
 */
#ifndef HOST_ACCOUNT_H
#define HOST_ACCOUNT_H

#include "hv/list.h"
#include "hv/types.h"

#define KMALLOC_CLASSES 7 /* 32 << 6 = 2048 */

struct slabs { /* kmalloc.c: pages with a free object, by size */
	struct list_head partial[KMALLOC_CLASSES];
};

struct account {
	u32 refs;     /* atomic: the process, its threads, and files whose pages are charged here */
	long pages;   /* atomic: charged; and one while there are refs */
	bool is_dead; /* its process is gone; slab_lock */
	struct slabs slabs;
	struct account *heir; /* of a dead one, referenced: whose descriptors may hold its pages */
	struct list_head dead_link; /* in the list of dead ones; dead_lock */
	size_t inherited;           /* pages of dead ones, while oom.c adds up */
};

struct account *account_create(void); /* one reference; NULL: no memory */
void account_get(struct account *account);
void account_put(struct account *account);
/* The process has given everything back; heir: a child's account that may have its files, or NULL. */
void account_close(struct account *account, struct account *heir);
/* The calling thread's page_alloc() and kmalloc() go there from now on; returns what was before. */
struct account *account_use(struct account *account);

static inline void account_charge(struct account *account, long pages)
{
	__atomic_fetch_add(&account->pages, pages, __ATOMIC_RELAXED);
}

void account_free(struct account *account);

static inline void account_uncharge(struct account *account, long pages)
{
	if (__atomic_sub_fetch(&account->pages, pages, __ATOMIC_ACQ_REL) == 0)
		account_free(account);
}

size_t account_pages(const struct account *account);

void account_add_inherited(void); /* for oom.c, which has set `inherited` of the living to 0 */

/* kmalloc.c: what is free in the slabs of an account is everybody's. */
void kmalloc_close(struct account *account);

#endif
