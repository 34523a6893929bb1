// SPDX-License-Identifier: MIT
/*
 * account.h - accounting of kernel memory by process.
 *
 * Every page that page_alloc() returns is charged to the account of the calling thread's process.
 * This includes page tables, kernel stacks, small objects, pipes, memfds, shared memory, and KVM's
 * structs and tables. struct page records the account until the page is freed. Two kinds of pages
 * are not charged: those that mm->total_pages counts (page_alloc_user()), and those of files in the
 * directory tree, which are not freed when a process ends. An object that several processes use
 * stays charged to the process that created it.
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
	u32 refs;     /* atomic: the process, files whose pages are charged here, children */
	long pages;   /* atomic: pages charged, plus one while refs is not 0 */
	bool is_dead; /* its process has ended; set under slab_lock */
	struct slabs slabs;

	/* The tree of accounts, guarded by accounts_lock. */
	struct account *parent; /* the creating process's account, or one above it; referenced */
	struct list_head children, sibling;

	/*
	 * For account_find_largest(), in pages. Guarded by accounts_lock, except footprint, which
	 * all_processes_lock guards: oom.c sets it, and account_find_largest() adjusts it.
	 */
	size_t footprint;        /* pages freed if the process ends; 0: it cannot be ended */
	size_t family;           /* footprints of the process and its descendants, even dead ones */
	struct account *largest; /* the child with the largest family, or NULL */
};

/* Create an account for a child of the calling process, with one reference. NULL: no memory. */
struct account *account_create(void);
void account_get(struct account *account);
void account_put(struct account *account);
/* Close the account of a process that has freed its resources. Drops the process's reference. */
void account_close(struct account *account);
/*
 * Charge what the calling thread gets from page_alloc() and kmalloc() to `account`. Returns the
 * account that was charged before.
 */
struct account *account_use(struct account *account);

/* kmalloc() for an object that outlives the calling process: it is charged to no account. */
void *kmalloc_uncharged(size_t size);

static inline void account_charge(struct account *account, long pages)
{
	__atomic_fetch_add(&account->pages, pages, __ATOMIC_RELAXED);
}

void account_free(struct account *account);
/* account_uncharge() for an account whose process has ended. accounts_lock must not be held. */
void account_uncharge_dead(struct account *account, long pages);

static inline void account_uncharge(struct account *account, long pages)
{
	if (READ_ONCE(account->is_dead))
		account_uncharge_dead(account, pages);
	else if (__atomic_sub_fetch(&account->pages, pages, __ATOMIC_ACQ_REL) == 0)
		account_free(account);
}

size_t account_pages(const struct account *account);

/*
 * Find the largest process of the largest family: start from the root of the tree, and go down to
 * the child with the largest family until no child's family is larger than the footprint of the
 * process itself. The caller holds all_processes_lock and has set `footprint` of each process.
 * Returns the account, whose process may have ended meanwhile, or NULL if no process can be ended.
 */
struct account *account_find_largest(void);

/* kmalloc.c: set is_dead, and free the account's pages without objects in use. */
void kmalloc_close(struct account *account);

#endif
