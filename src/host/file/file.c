// SPDX-License-Identifier: MIT
/*
 * file.c - open files.
 *
 * A struct file lives as long as it is referenced: by descriptors, mappings, or system calls in
 * progress. Dropping the last reference calls release(), which may sleep and may take locks that
 * precede tree_lock, so no reference is dropped under a spinlock or tree_lock. For descriptors, see
 * fd_table.c.
 */
#include <linux/errno.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/stat.h>
#include <string.h>
#include "file.h"
#include "fs/inode.h"
#include "lib/printk.h"
#include "mm/page.h"
#include "poll.h"
#include "proc/process.h"
#include "sched/thread.h"

struct file *file_alloc(const struct file_ops *ops, void *priv, unsigned int flags)
{
	struct file *f = kmalloc(sizeof(*f));

	if (!f)
		return NULL;
	f->refs = 1;
	f->flags = flags;
	f->ops = ops;
	f->priv = priv;
	mutex_init(&f->pos_lock);
	list_init(&f->watches);
	f->watched = false;
	return f;
}

/* Apart from file_put(), so that a reference that is not the last is dropped by a leaf function. */
static __attribute__((noinline)) void file_free(struct file *f)
{
	/* release() may take mm->lock or sockets_lock: they precede tree_lock (docs/locking.md). */
	BUG_ON(mutex_is_mine(&tree_lock));
	epoll_forget_file(f);
	flock_release(f);
	if (f->ops->release)
		f->ops->release(f);
	if (f->inode)
		inode_put(f->inode);
	kfree(f);
}

void file_put(struct file *f)
{
	if (f && !__atomic_sub_fetch(&f->refs, 1, __ATOMIC_ACQ_REL))
		file_free(f);
}

long file_kread(struct file *f, void *buf, size_t size, u64 pos)
{
	if (!f->ops->kread)
		return -EINVAL;
	return f->ops->kread(f, buf, size, pos);
}

long file_seek_no_end(struct file *f, s64 offset, int whence)
{
	if (whence == SEEK_CUR)
		offset += (s64)f->pos;
	else if (whence != SEEK_SET)
		return -EINVAL;
	if (offset < 0)
		return -EINVAL;
	WRITE_ONCE(f->pos, (u64)offset);
	return offset;
}

u64 file_size(struct file *f)
{
	return f->inode ? inode_size(f->inode) : 0;
}

unsigned int file_poll(struct file *f, struct poll_table *table)
{
	if (!f->ops->poll)
		return EPOLLIN | EPOLLOUT | EPOLLRDNORM | EPOLLWRNORM;
	return f->ops->poll(f, table);
}

struct file *file_open(const char *path, unsigned int flags, unsigned int mode, int *err)
{
	struct inode *start = path_start();
	struct file *f = path_open(start, path, flags, mode, err);

	inode_put(start);
	return f;
}
