// SPDX-License-Identifier: MIT
/*
 * open.c - open a file by inode or by path, and read directories.
 */
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/stat.h>
#include <string.h>
#include "devfs.h"
#include "inode.h"
#include "mm/page.h"
#include "proc/process.h"
#include "mm/uaccess.h"

#define OPEN_FLAGS_KEPT                                                               \
	(O_ACCMODE | O_APPEND | O_NONBLOCK | O_DSYNC | __O_SYNC | O_DIRECT | O_PATH | \
	 O_DIRECTORY | O_LARGEFILE)

/* With O_PATH, a file only marks a place in the tree. */
static const struct file_ops path_ops = { 0 };

int inode_truncate(struct inode *inode, u64 size)
{
	if (inode->ops && inode->ops->truncate)
		return inode->ops->truncate(inode, size);
	return inode->data ? ram_file_truncate(inode->data, size) : -EINVAL;
}

/* open() with O_TRUNC */
static int cut(struct inode *inode)
{
	int err = 0;

	if (inode->ops && inode->ops->cut)
		inode->ops->cut(inode);
	else if (inode->data)
		err = inode_truncate(inode, 0);
	if (!err && inode->data)
		inode_touch(inode, now_ns());
	return err;
}

static int open_by_type(struct inode *inode, struct file *f, unsigned int flags)
{
	bool writes = (flags & O_ACCMODE) != O_RDONLY;

	if (S_ISDIR(inode->mode)) {
		f->ops = &dir_file_ops;
		return writes || (flags & O_TRUNC) ? -EISDIR : 0;
	}
	if (S_ISCHR(inode->mode) || S_ISBLK(inode->mode))
		return devfs_open(inode, f);
	if (inode->ops && inode->ops->open) {
		int err = inode->ops->open(inode, f);

		return !err && writes && (flags & O_TRUNC) ? cut(inode) : err;
	}
	if (!S_ISREG(inode->mode) || !inode->data)
		return S_ISLNK(inode->mode) ? -ELOOP : -ENXIO;
	f->ops = &ram_file_ops;
	return writes && (flags & O_TRUNC) ? cut(inode) : 0;
}

/* Open the inode as f, which alloc_unopened() has made. On failure, the caller puts f. */
static int open_with(struct file *f, struct inode *inode, unsigned int flags)
{
	int err = 0;

	if ((flags & O_DIRECTORY) && !S_ISDIR(inode->mode))
		return -ENOTDIR;
	f->inode = inode;
	inode_get(inode);
	if (!(flags & O_PATH))
		err = open_by_type(inode, f, flags);
	if (err)
		f->ops = &path_ops; /* so that file_put() does not call a release() */
	return err;
}

static struct file *alloc_unopened(unsigned int flags)
{
	return file_alloc(&path_ops, NULL, flags & OPEN_FLAGS_KEPT);
}

/* Return f; after an error, put f and return NULL. */
static struct file *opened(struct file *f, int err)
{
	if (!err)
		return f;
	file_put(f);
	return NULL;
}

struct file *inode_open(struct inode *inode, unsigned int flags, int *err)
{
	struct file *f = alloc_unopened(flags);

	*err = f ? open_with(f, inode, flags) : -ENOMEM;
	return opened(f, *err);
}

int tree_pause(void)
{
	int err;

	mutex_unlock(&tree_lock);
	err = irq_window_killable();
	mutex_lock(&tree_lock);
	return err;
}

/*
 * Create the file for open(O_CREAT), whose path was not found. Returns -EAGAIN if another thread
 * has created it meanwhile. tree_lock is held.
 */
static int create_at(struct inode *start, const char *path, unsigned int mode, struct walk *w)
{
	struct inode *dir, *inode = NULL;
	struct dentry *old;
	int err = path_walk(start, path, WALK_PARENT, w);

	if (err)
		return err;
	dir = w->inode;
	old = dir_find(dir, w->last);
	if (!w->last[0] || w->must_be_dir)
		err = -EISDIR;
	else if (dir->ops)
		err = dir->ops->lookup ? dir_not_found(dir) : -EACCES; /* as in dir_may_add() */
	else if (old)
		err = S_ISLNK(old->inode->mode) ? -ENOENT : -EAGAIN; /* a dangling link: ENOENT */
	else if (!(inode = tree_inode_alloc(S_IFREG | (mode & 07777))))
		err = -ENOMEM;
	else
		err = dir_add(dir, w->last, inode);
	inode_put(dir);
	if (err)
		inode_put(inode);
	else
		w->inode = inode;
	return err;
}

struct inode *path_start(void)
{
	struct process *p = current->process;
	struct inode *dir = NULL;

	if (p)
		dir = process_cwd(p);
	if (!dir) {
		dir = root_inode;
		inode_get(dir);
	}
	return dir;
}

struct file *path_open(struct inode *start, const char *path, unsigned int flags, unsigned int mode,
		       int *err)
{
	bool exclusive = (flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL);
	/*
	 * Allocate f first: once a file has been created, opening it must not fail for lack of
	 * memory.
	 */
	struct file *f = alloc_unopened(flags);
	unsigned int walk_flags = 0;
	bool created = false;
	struct walk w;

	*err = -ENOMEM;
	if (!f)
		return NULL;
	if ((flags & O_NOFOLLOW) || exclusive)
		walk_flags |= WALK_NOFOLLOW;
	mutex_lock(&tree_lock);
	do {
		*err = path_walk(start, path, walk_flags, &w);
		if (*err == -ENOENT && (flags & O_CREAT) && !(flags & O_PATH)) {
			*err = create_at(start, path, mode, &w);
			created = !*err;
		}
	} while (*err == -EAGAIN);
	mutex_unlock(&tree_lock);
	if (*err)
		return opened(f, *err);
	if (exclusive && !created)
		*err = -EEXIST;
	else if ((flags & O_CREAT) && !(flags & O_PATH) && S_ISDIR(w.inode->mode))
		*err = -EISDIR;
	else
		*err = open_with(f, w.inode, flags);
	inode_put(w.inode);
	return opened(f, *err);
}

/* ---- directories ----------------------------------------------------------------------- */

struct linux_dirent64 { /* of getdents64(); no UAPI header has it */
	u64 d_ino;
	s64 d_off;
	u16 d_reclen;
	u8 d_type;
	char d_name[];
};

/* Put one entry into the kernel's buffer. Returns its length, or 0 if there is no room. */
static size_t put_entry(u8 *to, size_t room, u64 ino, u64 next, u32 mode, const char *name)
{
	struct linux_dirent64 *e = (struct linux_dirent64 *)to;
	size_t len = strlen(name);
	size_t size = ALIGN_UP(offsetof(struct linux_dirent64, d_name) + len + 1, 8);

	if (size > room)
		return 0;
	memset(to, 0, size);
	e->d_ino = ino;
	e->d_off = (s64)next;
	e->d_reclen = (u16)size;
	e->d_type = (u8)((mode & S_IFMT) >> 12);
	memcpy(e->d_name, name, len);
	return size;
}

/* Where getdents64() puts entries. */
struct entries {
	u8 *block;
	size_t used, limit;
	u64 cookie;   /* of the next entry, or below it */
	bool is_full; /* the next entry does not fit */
};

/* Add an entry, after which the next one has a cookie >= `next`. Returns false if it does not fit. */
static bool add_entry(struct entries *e, u64 ino, u64 next, u32 mode, const char *name)
{
	size_t size = put_entry(e->block + e->used, e->limit - e->used, ino, next, mode, name);

	e->is_full = !size;
	if (size)
		e->cookie = next;
	e->used += size;
	return size;
}

static void add_real(struct entries *e, const struct inode *dir)
{
	const struct inode *up = dir->parent ? dir->parent : dir;
	struct dentry *d;

	while (e->cookie < 2)
		if (!add_entry(e, e->cookie ? up->ino : dir->ino, e->cookie + 1, S_IFDIR,
			       e->cookie ? ".." : "."))
			return;
	list_for_each_entry(d, &dir->children, link)
		if (d->cookie >= e->cookie &&
		    !add_entry(e, d->inode->ino, d->cookie + 1, d->inode->mode, d->name))
			return;
}

/* readdir() may search all processes for each entry, so pause after each. Returns 0 or -EINTR. */
static int add_generated(struct entries *e, struct inode *dir)
{
	const u64 made_up = 1ULL << 32;
	struct dir_item item;
	int err = 0;

	while (!err &&
	       dir->ops->readdir(dir, e->cookie < made_up ? 0 : e->cookie - made_up, &item) &&
	       add_entry(e, item.ino, made_up + item.cookie + 1, item.mode, item.name))
		err = tree_pause();
	return err;
}

/* Generated entries follow the real ones. */
static long dir_getdents(struct file *f, unsigned long buf, size_t size)
{
	size_t limit = MIN(size, PAGE_SIZE);
	struct entries e = { .limit = limit, .cookie = f->pos };
	struct inode *dir = f->inode;
	int err = 0;

	e.block = kmalloc(PAGE_SIZE);
	if (!e.block)
		return -ENOMEM;
	mutex_lock(&tree_lock);
	add_real(&e, dir);
	if (!e.is_full && dir->ops && dir->ops->readdir)
		err = add_generated(&e, dir);
	mutex_unlock(&tree_lock);
	if (!err)
		err = !e.used && e.is_full ? -EINVAL : copy_to_user(buf, e.block, e.used);
	kfree(e.block);
	if (err)
		return err;
	WRITE_ONCE(f->pos, e.cookie);
	return (long)e.used;
}

static long dir_read(struct file *f, unsigned long buf, size_t size, u64 *pos)
{
	(void)f;
	(void)buf;
	(void)size;
	(void)pos;
	return -EISDIR;
}

static int dir_fsync(struct file *f)
{
	(void)f;
	return 0;
}

const struct file_ops dir_file_ops = {
	.read = dir_read,
	.getdents = dir_getdents,
	.seek = file_seek_no_end,
	.fsync = dir_fsync,
};
