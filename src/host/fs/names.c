// SPDX-License-Identifier: MIT
/*
 * names.c - the table of all names, in which dir_find() looks a name up.
 *
 * One hash table for the whole tree, keyed by directory and name. Each new name adds one bucket,
 * and each removed name takes up to two away (linear hashing). So the table stays in proportion to
 * the number of names, and no call moves more than the names of a few buckets. Without memory for
 * another bucket, the chains get longer.
 *
 * Programs choose names, so the hash has a secret key: otherwise, a program could choose names that
 * all belong to one bucket. In a directory with a few names, a search of their list is faster.
 * Locks: tree_lock.
 */
#include <string.h>
#include "inode.h"
#include "mm/account.h"
#include "mm/page.h"

#define PER_PAGE  (PAGE_SIZE / sizeof(struct dentry *))
#define PAGES_MAX 2048 /* a million buckets */
#define FEW       4

static struct dentry *first_page[PER_PAGE];
static struct dentry **pages[PAGES_MAX] = { first_page };
static u32 nr_buckets = PER_PAGE, nr_names; /* nr_buckets: at least PER_PAGE */
static u32 level = PER_PAGE;                /* the largest power of two <= nr_buckets */
static u64 key = 0x9e3779b97f4a7c15;        /* odd */

void names_init(u64 secret)
{
	key = secret | 1;
}

/*
 * A polynomial in the key. The low bits of such a hash are equal for some names whatever the key
 * is, so use the upper ones.
 */
static u32 hash_of(const struct inode *dir, const char *name)
{
	u64 hash = dir->ino * key;

	for (; *name; name++)
		hash = (hash + (u8)*name) * key;
	return (u32)(hash >> 32);
}

static struct dentry **bucket_at(u32 index)
{
	return &pages[index / PER_PAGE][index % PER_PAGE];
}

/* Where there is no bucket for the hash yet, its names are in the bucket that will be split. */
static struct dentry **bucket_of(const struct inode *dir, const char *name)
{
	u32 index = hash_of(dir, name) & (2 * level - 1);

	return bucket_at(index < nr_buckets ? index : index - level);
}

static void enter(struct dentry *d)
{
	struct dentry **bucket = bucket_of(d->dir, d->name);

	d->next = *bucket;
	*bucket = d;
}

/* Enter the names of a bucket again, after nr_buckets has changed. */
static void spread(struct dentry *d)
{
	struct dentry *next;

	for (; d; d = next) {
		next = d->next;
		enter(d);
	}
}

/* The tree's memory is not charged to any process. */
static bool add_page(u32 page)
{
	if (page == PAGES_MAX)
		return false;
	pages[page] = kmalloc_uncharged(PAGE_SIZE);
	if (pages[page])
		tree_count(PAGE_SIZE);
	return pages[page];
}

/* Add a bucket. All names that belong in it are in the bucket that is split. */
static void grow(void)
{
	struct dentry **split = bucket_at(nr_buckets - level), *d = *split;

	if (nr_buckets % PER_PAGE == 0 && !add_page(nr_buckets / PER_PAGE))
		return;
	nr_buckets++;
	if (nr_buckets == 2 * level)
		level *= 2;
	*split = NULL;
	spread(d);
}

/* Remove the last bucket; its names go back to the bucket from which it was split. */
static void shrink(void)
{
	struct dentry *d = *bucket_at(nr_buckets - 1);

	if (nr_buckets == level)
		level /= 2;
	nr_buckets--;
	spread(d);
	if (nr_buckets % PER_PAGE == 0) {
		kfree(pages[nr_buckets / PER_PAGE]);
		tree_count(-(long)PAGE_SIZE);
	} else {
		*bucket_at(nr_buckets) = NULL;
	}
}

void names_add(struct dentry *d)
{
	d->dir->nr_names++;
	nr_names++;
	if (nr_names > nr_buckets)
		grow();
	enter(d);
}

void names_remove(struct dentry *d)
{
	struct dentry **at = bucket_of(d->dir, d->name);
	int i;

	while (*at != d)
		at = &(*at)->next;
	*at = d->next;
	d->dir->nr_names--;
	nr_names--;
	for (i = 0; i < 2 && nr_buckets > PER_PAGE && 2 * nr_names < nr_buckets; i++)
		shrink();
}

struct dentry *dir_find(struct inode *dir, const char *name)
{
	struct dentry *d;

	if (dir->nr_names <= FEW) {
		list_for_each_entry(d, &dir->children, link)
			if (!strcmp(d->name, name))
				return d;
		return NULL;
	}
	d = *bucket_of(dir, name);
	while (d && (d->dir != dir || strcmp(d->name, name) != 0))
		d = d->next;
	return d;
}
