// SPDX-License-Identifier: MIT
/*
 * account.c - accounts of kernel memory, one per process (account.h), and the tree that they form.
 *
 * The parent of a process's account is the account of the process's creator. An account outlives
 * its process as long as a page is charged to the account, for example the page of a pipe or of a
 * memfd that another process has open, or as long as the account has several children (a single
 * child moves up to the account's parent). So orphans stay in their family, and many small
 * processes of one program are counted together. The pages of an ended process also count for its
 * family, because the process that has its files open is probably a member of that family. Such a
 * page also counts for a process that maps it (page_is_elsewhere()).
 *
 * Lock: accounts_lock protects the tree. It is a leaf in the lock order: freeing a page may free an
 * account while any other lock is held.
 */
#include "account.h"
#include "hv/bits.h"
#include "hv/spinlock.h"
#include "lib/printk.h"
#include "page.h"
#include "sched/thread.h"

static struct account root = {
	.refs = 1,
	.pages = 1,
	.is_dead = true, /* no process has this account */
	.children = LIST_HEAD_INIT(root.children),
	.sibling = LIST_HEAD_INIT(root.sibling),
};
static struct spinlock accounts_lock;

struct account *account_use(struct account *account)
{
	struct account *before = current->account;

	current->account = account;
	return before;
}

void *kmalloc_uncharged(size_t size)
{
	struct account *before = account_use(NULL);
	void *object = kmalloc(size);

	account_use(before);
	return object;
}

struct account *account_create(void)
{
	struct account *parent = current->account;
	struct account *account = kmalloc_uncharged(sizeof(*account));
	unsigned int i;

	if (!account)
		return NULL;
	account->refs = 1;
	account->pages = 1;
	list_init(&account->children);
	for (i = 0; i < KMALLOC_CLASSES; i++)
		list_init(&account->slabs.partial[i]);
	if (!parent)
		parent = &root;
	account_get(parent);
	spin_lock(&accounts_lock);
	account->parent = parent;
	list_add_tail(&account->sibling, &parent->children);
	spin_unlock(&accounts_lock);
	return account;
}

size_t account_pages(const struct account *account)
{
	return (size_t)READ_ONCE(account->pages) - 1;
}

/*
 * If the account is dead, has no pages, and has a single child, move the child up to the account's
 * parent: the account no longer keeps a family together. Without this step, each process in a chain
 * (fork, then exit) would leave its account behind. accounts_lock is held. Returns the account if
 * the child was moved. The caller then drops the child's reference to the account after unlocking,
 * which may free the account. Returns NULL if nothing was changed.
 */
static struct account *collapse(struct account *account)
{
	struct account *child;

	if (account == &root || !READ_ONCE(account->is_dead) || account_pages(account) ||
	    list_empty(&account->children) || account->children.next != account->children.prev)
		return NULL;
	child = list_first_entry(&account->children, struct account, sibling);
	list_del(&child->sibling);
	child->parent = account->parent;
	list_add_tail(&child->sibling, &child->parent->children);
	account_get(child->parent);
	return account;
}

/*
 * Free the account. No page is charged to it, and no reference to it is left, so it has no child.
 */
void account_free(struct account *account)
{
	struct account *parent, *collapsed;

	spin_lock(&accounts_lock);
	parent = account->parent;
	list_del(&account->sibling);
	collapsed = collapse(parent);
	spin_unlock(&accounts_lock);
	kfree(account);
	account_put(collapsed);
	account_put(parent);
}

/*
 * The last page of a dead account may be freed long after its process has ended. Collapse the
 * account when that page is freed: if the tree were collapsed only when a process ends, a chain of
 * processes, each of which closes a file that an ancestor has left open, would leave an account
 * behind each time.
 */
void account_uncharge_dead(struct account *account, long pages)
{
	struct account *collapsed = NULL;
	long left;

	spin_lock(&accounts_lock);
	left = __atomic_sub_fetch(&account->pages, pages, __ATOMIC_ACQ_REL);
	/*
	 * If `left` is 1, one reference or page remained. Another thread may have dropped it by
	 * now, but its account_free() waits for accounts_lock, so the account still exists.
	 */
	if (left == 1)
		collapsed = collapse(account);
	spin_unlock(&accounts_lock);
	account_put(collapsed);
	if (left == 0)
		account_free(account);
}

void account_get(struct account *account)
{
	__atomic_fetch_add(&account->refs, 1, __ATOMIC_RELAXED);
}

static void put_refs(struct account *account, u32 n)
{
	if (__atomic_sub_fetch(&account->refs, n, __ATOMIC_ACQ_REL) == 0)
		account_uncharge(account, 1);
}

void account_put(struct account *account)
{
	if (account)
		put_refs(account, 1);
}

void account_close(struct account *account)
{
	struct account *above;
	u32 refs = 1; /* the process's */

	kmalloc_close(account);
	spin_lock(&accounts_lock);
	/*
	 * Also try the parent: the account_uncharge() of the parent's last page may have read
	 * is_dead before it was set, and then did not collapse the parent.
	 */
	above = collapse(account->parent);
	if (collapse(account))
		refs++; /* the child's */
	spin_unlock(&accounts_lock);
	account_put(above);
	put_refs(account, refs);
}

/* ---- the largest process of the largest family ---- */

static struct account *first_leaf(struct account *account)
{
	while (!list_empty(&account->children))
		account = list_first_entry(&account->children, struct account, sibling);
	return account;
}

/* Return the next account in post-order (children before their parent); NULL after the root. */
static struct account *next_upwards(struct account *account)
{
	if (account == &root)
		return NULL;
	if (account->sibling.next == &account->parent->children)
		return account->parent;
	return first_leaf(list_first_entry(&account->sibling, struct account, sibling));
}

/*
 * Compute `family` and `largest` of an account from its children, and adjust its `footprint`. The
 * pages of a dead account count for its family; if no process of that family is left, they count
 * for the nearest living process above it.
 */
static void add_up(struct account *account)
{
	size_t left_behind = 0, living = 0;
	bool is_dead = READ_ONCE(account->is_dead);
	struct account *child;

	account->largest = NULL;
	if (is_dead)
		account->footprint = 0;
	list_for_each_entry(child, &account->children, sibling) {
		if (!child->largest && !child->footprint) {
			left_behind += child->family;
			continue;
		}
		living += child->family;
		if (!account->largest || child->family > account->largest->family)
			account->largest = child;
	}
	if (account->footprint)
		account->footprint += left_behind;
	else if (is_dead)
		living += account_pages(account) + left_behind;
	account->family = account->footprint + living;
}

struct account *account_find_largest(void)
{
	struct account *account;

	spin_lock(&accounts_lock);
	for (account = first_leaf(&root); account; account = next_upwards(account))
		add_up(account);
	account = &root;
	while (account->largest && account->largest->family > account->footprint)
		account = account->largest;
	spin_unlock(&accounts_lock);
	return account == &root ? NULL : account;
}
