// SPDX-License-Identifier: MIT
/*
 * file.c - open files and descriptor tables.
 *
 * A struct file lives as long as somebody holds a reference: descriptors, mappings,
 * system calls under way. Its last holder calls release(), which may sleep; so no
 * reference is dropped under a spinlock. Lock: fd_table.lock guards the table only.
 */
#include <linux/errno.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/stat.h>
#include <string.h>
#include "file.h"
#include "inode.h"
#include "page.h"
#include "poll.h"
#include "process.h"
#include "thread.h"

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
	return f;
}

void file_get(struct file *f)
{
	__atomic_fetch_add(&f->refs, 1, __ATOMIC_RELAXED);
}

void file_put(struct file *f)
{
	if (!f || __atomic_sub_fetch(&f->refs, 1, __ATOMIC_ACQ_REL))
		return;
	epoll_forget_file(f);
	flock_release(f);
	if (f->ops->release)
		f->ops->release(f);
	if (f->inode)
		inode_put(f->inode);
	kfree(f);
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
	f->pos = (u64)offset;
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

/* ---- descriptor tables ----------------------------------------------------------------- */

struct fd_table *fd_table_create(void)
{
	struct fd_table *t = kmalloc(sizeof(*t));

	if (t)
		t->refs = 1;
	return t;
}

struct fd_table *fd_table_copy(struct fd_table *from)
{
	struct fd_table *t = fd_table_create();
	int fd;

	if (!t)
		return NULL;
	spin_lock(&from->lock);
	memcpy(t->cloexec, from->cloexec, sizeof(t->cloexec));
	for (fd = 0; fd < FD_MAX; fd++) {
		t->files[fd] = from->files[fd];
		if (t->files[fd])
			file_get(t->files[fd]);
	}
	spin_unlock(&from->lock);
	return t;
}

void fd_table_get(struct fd_table *t)
{
	__atomic_fetch_add(&t->refs, 1, __ATOMIC_RELAXED);
}

void fd_table_put(struct fd_table *t)
{
	int fd;

	if (!t || __atomic_sub_fetch(&t->refs, 1, __ATOMIC_ACQ_REL))
		return;
	for (fd = 0; fd < FD_MAX; fd++)
		file_put(t->files[fd]);
	kfree(t);
}

static void cloexec_set(struct fd_table *t, int fd, bool on)
{
	u64 bit = 1ULL << (fd % 64);

	if (on)
		t->cloexec[fd / 64] |= bit;
	else
		t->cloexec[fd / 64] &= ~bit;
}

static bool cloexec_get(const struct fd_table *t, int fd)
{
	return t->cloexec[fd / 64] >> (fd % 64) & 1;
}

void fd_table_exec(struct fd_table *t)
{
	struct file *f;
	int fd;

	for (fd = 0; fd < FD_MAX; fd++) {
		spin_lock(&t->lock);
		f = cloexec_get(t, fd) ? t->files[fd] : NULL;
		if (f) {
			t->files[fd] = NULL;
			cloexec_set(t, fd, false);
		}
		spin_unlock(&t->lock);
		file_put(f);
	}
}

int fd_table_install(struct fd_table *t, struct file *f, int from, bool exact, bool cloexec)
{
	struct file *old = NULL;
	int fd = from;

	spin_lock(&t->lock);
	if (exact && fd >= 0 && fd < FD_MAX)
		old = t->files[fd];
	while (!exact && fd < FD_MAX && t->files[fd])
		fd++;
	if (fd < 0 || fd >= FD_MAX) {
		spin_unlock(&t->lock);
		return exact ? -EBADF : -EMFILE;
	}
	t->files[fd] = f;
	cloexec_set(t, fd, cloexec);
	spin_unlock(&t->lock);
	file_put(old);
	return fd;
}

struct file *fd_get(int fd)
{
	struct fd_table *t = current_process->fds;
	struct file *f;

	if (fd < 0 || fd >= FD_MAX)
		return NULL;
	spin_lock(&t->lock);
	f = t->files[fd];
	if (f)
		file_get(f);
	spin_unlock(&t->lock);
	return f;
}

int fd_install(struct file *f, bool cloexec)
{
	return fd_table_install(current_process->fds, f, 0, false, cloexec);
}

int fd_close(int fd)
{
	struct fd_table *t = current_process->fds;
	struct file *f;

	if (fd < 0 || fd >= FD_MAX)
		return -EBADF;
	spin_lock(&t->lock);
	f = t->files[fd];
	t->files[fd] = NULL;
	cloexec_set(t, fd, false);
	spin_unlock(&t->lock);
	if (!f)
		return -EBADF;
	file_put(f);
	return 0;
}

int fd_flags_get(int fd)
{
	struct fd_table *t = current_process->fds;
	int flags = -EBADF;

	if (fd < 0 || fd >= FD_MAX)
		return flags;
	spin_lock(&t->lock);
	if (t->files[fd])
		flags = cloexec_get(t, fd) ? FD_CLOEXEC : 0;
	spin_unlock(&t->lock);
	return flags;
}

int fd_flags_set(int fd, bool cloexec)
{
	struct fd_table *t = current_process->fds;
	int err = -EBADF;

	if (fd < 0 || fd >= FD_MAX)
		return err;
	spin_lock(&t->lock);
	if (t->files[fd]) {
		cloexec_set(t, fd, cloexec);
		err = 0;
	}
	spin_unlock(&t->lock);
	return err;
}
