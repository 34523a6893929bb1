// SPDX-License-Identifier: MIT
/*
 * inode.c - inodes, the names in directories, and an inode's path. names.c looks names up.
 *
 * A name holds a reference on its inode, and a directory holds one on its parent. Together they
 * form a cycle, which dir_remove() breaks. An inode is freed when its last reference is dropped; a
 * removed directory that is still in use stays, empty, until then.
 */
#include <linux/errno.h>
#include <linux/stat.h>
#include <string.h>
#include "sched/clock.h"
#include "inode.h"
#include "mm/account.h"
#include "mm/page.h"
#include "lib/printk.h"

struct mutex tree_lock;
struct inode *root_inode;
static u64 next_ino = 1;

u64 now_ns(void)
{
	return clock_realtime_ns();
}

struct inode *inode_alloc(u32 mode, const struct inode_ops *ops)
{
	struct inode *inode = kmalloc(sizeof(*inode));

	if (!inode)
		return NULL;
	inode->refs = 1;
	inode->mode = mode;
	inode->nlink = S_ISDIR(mode) ? 2 : 0;
	inode->ino = __atomic_fetch_add(&next_ino, 1, __ATOMIC_RELAXED);
	inode->ops = ops;
	inode->atime = inode->mtime = inode->ctime = now_ns();
	list_init(&inode->children);
	inode->next_cookie = 2; /* 0 and 1 are "." and ".." */
	return inode;
}

struct inode *tree_inode_alloc(u32 mode)
{
	struct account *before = account_use(NULL);
	struct inode *inode = inode_alloc(mode, NULL);

	if (inode && S_ISREG(mode)) {
		inode->data = ram_file_create(NULL, 0);
		if (!inode->data) {
			inode_put(inode);
			inode = NULL;
		}
	}
	account_use(before);
	return inode;
}

void inode_get(struct inode *inode)
{
	__atomic_fetch_add(&inode->refs, 1, __ATOMIC_RELAXED);
}

void inode_put(struct inode *inode)
{
	struct inode *parent;

	/* A loop, not recursion: freeing a generated directory may also free its parents. */
	while (inode && !__atomic_sub_fetch(&inode->refs, 1, __ATOMIC_ACQ_REL)) {
		parent = inode->parent;
		if (inode->ops && inode->ops->destroy)
			inode->ops->destroy(inode);
		ram_file_destroy(inode->data);
		kfree(inode->target);
		kfree(inode);
		inode = parent;
	}
}

u64 inode_size(const struct inode *inode)
{
	if (inode->data)
		return ram_file_size(inode->data);
	if (inode->target)
		return strlen(inode->target);
	return 0;
}

long inode_path_locked(struct inode *inode, char *buf, size_t size)
{
	size_t at = size - 1, len;
	struct inode *dir = inode;
	struct dentry *d;

	BUG_ON(!mutex_is_mine(&tree_lock));
	buf[at] = '\0';
	while (dir != root_inode) {
		d = dir->name;
		len = d ? strlen(d->name) : 0;
		if (!d || len + 1 > at) {
			strlcpy(buf, "(deleted)", size);
			return (long)strlen(buf);
		}
		at -= len;
		memcpy(buf + at, d->name, len);
		buf[--at] = '/';
		dir = d->dir;
	}
	if (buf[at] == '\0')
		buf[--at] = '/';
	memmove(buf, buf + at, size - at);
	return (long)(size - at - 1);
}

void inode_path(struct inode *inode, char *buf, size_t size)
{
	mutex_lock(&tree_lock);
	inode_path_locked(inode, buf, size);
	mutex_unlock(&tree_lock);
}

/* Return how much memory kmalloc() uses for an object of this size. */
static size_t object_bytes(size_t bytes)
{
	size_t size = 32;

	while (size < bytes)
		size *= 2;
	return size;
}

#define FILE_BYTES 512 /* upper limit for a struct ram_file */

/* Return the memory that a name uses, including its inode. An inode counts once for each name. */
static long name_bytes(const struct dentry *d, const struct inode *inode)
{
	size_t bytes =
		object_bytes(sizeof(*d) + strlen(d->name) + 1) + object_bytes(sizeof(*inode));

	if (S_ISREG(inode->mode))
		bytes += FILE_BYTES;
	return (long)(bytes + (inode->target ? PATH_LEN_MAX : 0)); /* upper limit (symlinkat()) */
}

/* Allocate a name that is not in a directory yet; adding it to one cannot fail. */
static int name_alloc(const struct inode *dir, const char *name, struct dentry **d)
{
	size_t len = strlen(name);

	if (len > NAME_LEN_MAX)
		return -ENAMETOOLONG;
	if (!dir->name && dir != root_inode)
		return -ENOENT; /* the directory was removed while in use */
	if (!tree_has_room())
		return -ENOSPC;
	*d = kmalloc_uncharged(sizeof(**d) + len + 1);
	if (!*d)
		return -ENOMEM;
	memcpy((*d)->name, name, len + 1);
	return 0;
}

static void name_enter(struct dentry *d, struct inode *dir, struct inode *inode)
{
	u64 now;

	d->dir = dir;
	d->inode = inode;
	d->cookie = dir->next_cookie++;
	inode_get(inode);
	tree_count(name_bytes(d, inode));
	list_add_tail(&d->link, &dir->children);
	names_add(d);
	inode->name = d;
	if (S_ISDIR(inode->mode)) {
		inode->parent = dir;
		inode_get(dir);
		WRITE_ONCE(dir->nlink, dir->nlink + 1);
	} else {
		WRITE_ONCE(inode->nlink, inode->nlink + 1);
	}
	now = now_ns();
	inode_touch(dir, now);
	WRITE_ONCE(inode->ctime, now);
}

int dir_add(struct inode *dir, const char *name, struct inode *inode)
{
	struct dentry *d;
	int err = name_alloc(dir, name, &d);

	if (!err)
		name_enter(d, dir, inode);
	return err;
}

/* Return another name of the inode in dir. Most inodes have none: do not search for it. */
static struct dentry *other_name(struct inode *dir, const struct inode *inode)
{
	struct dentry *d;

	if (S_ISDIR(inode->mode) || inode->nlink < 2)
		return NULL;
	list_for_each_entry(d, &dir->children, link)
		if (d->inode == inode)
			return d;
	return NULL;
}

void dir_remove(struct dentry *d)
{
	struct inode *inode = d->inode, *dir = d->dir;
	u64 now;

	list_del(&d->link);
	names_remove(d);
	tree_count(-name_bytes(d, inode));
	if (inode->name == d)
		inode->name = other_name(dir, inode);
	if (S_ISDIR(inode->mode)) {
		WRITE_ONCE(dir->nlink, dir->nlink - 1);
		inode->parent = NULL;
		inode_put(dir); /* never the last reference: the caller holds one */
	} else {
		WRITE_ONCE(inode->nlink, inode->nlink - 1);
	}
	now = now_ns();
	inode_touch(dir, now);
	WRITE_ONCE(inode->ctime, now);
	kfree(d);
	inode_put(inode);
}

int dir_move(struct dentry *old, struct inode *to, const char *name)
{
	struct dentry *replaced = dir_find(to, name), *d;
	struct inode *inode = old->inode;
	int err = name_alloc(to, name, &d);

	if (err)
		return err;
	inode_get(inode);
	if (replaced)
		dir_remove(replaced);
	dir_remove(old); /* before adding the new name: a directory has one parent at a time */
	name_enter(d, to, inode);
	inode_put(inode);
	return 0;
}

bool dir_is_empty(const struct inode *dir)
{
	return list_empty(&dir->children);
}

struct inode *dir_lookup(struct inode *dir, const char *name)
{
	struct dentry *d = dir_find(dir, name);

	if (d) {
		inode_get(d->inode);
		return d->inode;
	}
	if (dir->ops && dir->ops->lookup)
		return dir->ops->lookup(dir, name);
	return NULL;
}

/*
 * lookup() and follow() of generated inodes (/proc) return NULL both for an unknown name and for
 * lack of memory.
 */
int dir_not_found(const struct inode *maker)
{
	return maker->ops && page_was_missed() ? -ENOMEM : -ENOENT;
}

int dir_may_add(struct inode *dir, const char *name)
{
	struct inode *there = name[0] ? dir_lookup(dir, name) : NULL;
	bool exists = !name[0] || there;

	inode_put(there);
	if (exists)
		return -EEXIST;
	if (!dir->ops)
		return 0;
	/* The errors of Linux's /proc and /sys, respectively. */
	return dir->ops->lookup ? dir_not_found(dir) : -EPERM;
}

const struct inode_ops fixed_dir_ops = { 0 };

/* ---- making the tree at boot --------------------------------------------------------- */

/*
 * Return the inode of `name` in dir, without a reference. Creates the inode if it does not exist.
 * Returns NULL if that fails.
 */
static struct inode *make_component(struct inode *dir, const char *name, u32 mode,
				    const struct inode_ops *ops)
{
	struct dentry *d = dir_find(dir, name);
	struct inode *inode;

	if (!d) {
		inode = inode_alloc(mode, ops);
		if (inode)
			dir_add(dir, name, inode);
		inode_put(inode);
		d = dir_find(dir, name);
	}
	return d ? d->inode : NULL;
}

/* The inode is returned without a reference: its name holds one. */
struct inode *tree_make(const char *path, u32 mode, const struct inode_ops *ops)
{
	char name[NAME_LEN_MAX + 1];
	struct inode *inode = root_inode;
	const char *end;

	mutex_lock(&tree_lock);
	while (*path && inode) {
		path += *path == '/';
		for (end = path; *end && *end != '/';)
			end++;
		strlcpy(name, path, MIN(sizeof(name), (size_t)(end - path) + 1));
		if (!S_ISDIR(inode->mode))
			inode = NULL;
		else if (*end)
			inode = make_component(inode, name, S_IFDIR | 0755,
					       inode == root_inode ? NULL : &fixed_dir_ops);
		else
			inode = make_component(inode, name, mode, ops);
		path = end;
	}
	mutex_unlock(&tree_lock);
	return inode;
}

struct inode *tree_make_link(const char *path, const char *target)
{
	struct inode *inode = tree_make(path, S_IFLNK | 0777, NULL);

	if (inode && !inode->target) {
		inode->target = kmalloc(strlen(target) + 1);
		if (inode->target) {
			strlcpy(inode->target, target, strlen(target) + 1);
			tree_count(PATH_LEN_MAX); /* name_bytes() counts it from now on */
		}
	}
	return inode;
}
