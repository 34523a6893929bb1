// SPDX-License-Identifier: MIT
/*
 * account.c - accounts of kernel memory, one per process (account.h).
 *
 * An account outlives its process as long as a page is charged to it, for example the page of a pipe or
 * of a memfd that another process has open. Such pages count for the account's heir: a child of the
 * process that ended, or else its parent. Otherwise a program could fill memfds, fork and exit, and its
 * child would hold memory that counts for no process. A page that a process maps counts for that process
 * as well (page_is_elsewhere()). Locks: dead_lock for the list of dead accounts, their heirs and `inherited`; a leaf.
 */
#include "account.h"
#include "hv/bits.h"
#include "hv/spinlock.h"
#include "lib/printk.h"
#include "page.h"
#include "sched/thread.h"

static struct list_head dead = LIST_HEAD_INIT(dead);
static struct spinlock dead_lock;

struct account *account_use(struct account *account)
{
	struct account *before = current->account;

	current->account = account;
	return before;
}

struct account *account_create(void)
{
	struct account *before = account_use(NULL); /* don't charge the account itself */
	struct account *account = kmalloc(sizeof(*account));
	unsigned int i;

	account_use(before);
	if (!account)
		return NULL;
	account->refs = 1;
	account->pages = 1;
	list_init(&account->dead_link);
	for (i = 0; i < KMALLOC_CLASSES; i++)
		list_init(&account->slabs.partial[i]);
	return account;
}

/* No page is charged to the account, and no reference is left. */
void account_free(struct account *account)
{
	struct account *heir;

	spin_lock(&dead_lock);
	list_del(&account->dead_link);
	heir = account->heir;
	spin_unlock(&dead_lock);
	kfree(account);
	if (heir)
		account_put(heir);
}

void account_get(struct account *account)
{
	__atomic_fetch_add(&account->refs, 1, __ATOMIC_RELAXED);
}

void account_put(struct account *account)
{
	if (account && __atomic_sub_fetch(&account->refs, 1, __ATOMIC_ACQ_REL) == 0)
		account_uncharge(account, 1);
}

void account_close(struct account *account, struct account *heir)
{
	kmalloc_close(account);
	spin_lock(&dead_lock);
	list_add_tail(&account->dead_link, &dead);
	account->heir = heir;
	spin_unlock(&dead_lock);
	if (heir)
		account_get(heir);
	account_put(account);
}

size_t account_pages(const struct account *account)
{
	return (size_t)READ_ONCE(account->pages) - 1;
}

/* The first in the chain of heirs whose process has not ended, or NULL. dead_lock is held. */
static struct account *living_heir(struct account *account)
{
	while (account && account->is_dead)
		account = account->heir;
	return account;
}

void account_add_inherited(void)
{
	struct account *a, *heir;

	spin_lock(&dead_lock);
	list_for_each_entry(a, &dead, dead_link) {
		heir = living_heir(a);
		if (heir)
			heir->inherited += account_pages(a);
	}
	spin_unlock(&dead_lock);
}
