// SPDX-License-Identifier: MIT
/*
 * sys_open.c - system calls on descriptors: open, close, dup, fcntl, ioctl.
 */
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/stat.h>
#include <asm/ioctls.h>
#include "mm/page.h"
#include "proc/process.h"
#include "file/memfd.h"
#include "file/sys_file.h"
#include "proc/syscall.h"
#include "sched/thread.h"
#include "mm/uaccess.h"

#define O_SETTABLE (O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME | FASYNC)

int at_path_get(struct at_path *ap, int dirfd, unsigned long user_path)
{
	struct file *f;
	long len;

	ap->path = kmalloc(PATH_LEN_MAX);
	if (!ap->path)
		return -ENOMEM;
	len = strncpy_from_user(ap->path, user_path, PATH_LEN_MAX);
	if (len < 0) {
		kfree(ap->path);
		return (int)len;
	}
	if (dirfd == AT_FDCWD || ap->path[0] == '/') {
		ap->start = path_start();
		return 0;
	}
	f = fd_get(dirfd);
	if (!f || !f->inode || (!S_ISDIR(f->inode->mode) && ap->path[0])) {
		kfree(ap->path);
		file_put(f);
		return f ? -ENOTDIR : -EBADF;
	}
	ap->start = f->inode;
	inode_get(ap->start);
	file_put(f);
	return 0;
}

void at_path_put(struct at_path *ap)
{
	inode_put(ap->start);
	kfree(ap->path);
}

int at_inode(int dirfd, unsigned long user_path, unsigned int flags, struct inode **inode)
{
	struct at_path ap;
	struct walk w;
	int err = at_path_get(&ap, dirfd, user_path);

	if (err)
		return err;
	if (!ap.path[0] && (flags & AT_EMPTY_PATH)) {
		*inode = ap.start;
		kfree(ap.path);
		return 0;
	}
	mutex_lock(&tree_lock);
	err = path_walk(ap.start, ap.path, flags & AT_SYMLINK_NOFOLLOW ? WALK_NOFOLLOW : 0, &w);
	mutex_unlock(&tree_lock);
	if (!err)
		*inode = w.inode;
	at_path_put(&ap);
	return err;
}

long sys_openat(struct trap_frame *frame)
{
	unsigned int flags = (unsigned int)frame->a2;
	unsigned int mode = (unsigned int)frame->a3 & ~READ_ONCE(current_process->umask);
	struct at_path ap;
	struct file *f;
	int fd, err;

	err = at_path_get(&ap, (int)frame->a0, frame->a1);
	if (err)
		return err;
	fd = fd_reserve();
	if (fd < 0) {
		at_path_put(&ap);
		return fd;
	}
	f = path_open(ap.start, ap.path, flags, mode, &err);
	at_path_put(&ap);
	if (f)
		return fd_fill(fd, f, flags & O_CLOEXEC);
	fd_unreserve(fd);
	return err;
}

long sys_close(struct trap_frame *frame)
{
	return fd_close((int)frame->a0);
}

long sys_close_range(struct trap_frame *frame)
{
	unsigned int first = (unsigned int)frame->a0, last = (unsigned int)frame->a1;
	const unsigned int cloexec = 1U << 2; /* CLOSE_RANGE_CLOEXEC */
	int fd;

	if (first > last || ((unsigned int)frame->a2 & ~cloexec))
		return -EINVAL;
	for (fd = (int)MIN(first, (unsigned int)FD_MAX); first <= last; fd++) {
		fd = fd_table_next(current_process->fds, fd);
		if (fd < 0 || (unsigned int)fd > last)
			break;
		if (frame->a2 & cloexec)
			fd_flags_set(fd, true);
		else
			fd_close(fd);
		if (fd % 64 == 63)
			irq_window();
	}
	return 0;
}

static long dup_to(int from, int to, bool exact, bool cloexec)
{
	struct file *f = fd_get(from);
	int fd;

	if (!f)
		return -EBADF;
	fd = fd_table_install(current_process->fds, f, to, fd_limit(), exact, cloexec);
	if (fd < 0)
		file_put(f);
	return fd;
}

long sys_dup(struct trap_frame *frame)
{
	return dup_to((int)frame->a0, 0, false, false);
}

long sys_dup3(struct trap_frame *frame)
{
	unsigned int flags = (unsigned int)frame->a2;

	if ((flags & ~O_CLOEXEC) || (int)frame->a0 == (int)frame->a1)
		return -EINVAL;
	return dup_to((int)frame->a0, (int)frame->a1, true, flags & O_CLOEXEC);
}

static long set_status_flags(struct file *f, unsigned int flags)
{
	if ((flags & O_DIRECT) && S_ISFIFO(f->kind)) /* packets, as in sys_pipe2() */
		return -EINVAL;
	f->flags = (f->flags & ~O_SETTABLE) | (flags & O_SETTABLE);
	return 0;
}

static long file_fcntl(struct file *f, int fd, unsigned int cmd, unsigned long arg)
{
	switch (cmd) {
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
		if (arg >= (unsigned long)fd_limit())
			return -EINVAL;
		return dup_to(fd, (int)arg, false, cmd == F_DUPFD_CLOEXEC);
	case F_GETFD:
		return fd_flags_get(fd);
	case F_SETFD:
		return fd_flags_set(fd, arg & FD_CLOEXEC);
	case F_GETFL:
		return (long)f->flags;
	case F_SETFL:
		return set_status_flags(f, (unsigned int)arg);
	case F_SETPIPE_SZ:
	case F_GETPIPE_SZ:
		return f->ops->ioctl ? f->ops->ioctl(f, cmd, arg) : -EBADF;
	case F_ADD_SEALS:
		return memfd_add_seals(f, (unsigned int)arg);
	case F_GET_SEALS:
		return memfd_get_seals(f);
	default:
		return -EINVAL;
	}
}

long sys_fcntl(struct trap_frame *frame)
{
	struct file *f = fd_get((int)frame->a0);
	long ret;

	if (!f)
		return -EBADF;
	ret = file_fcntl(f, (int)frame->a0, (unsigned int)frame->a1, frame->a2);
	file_put(f);
	return ret;
}

/* An ioctl whose type is that of the commands for all files. */
static __attribute__((noinline)) long common_ioctl(struct file *f, int fd, unsigned int cmd,
						   unsigned long arg)
{
	int on;

	switch (cmd) {
	case FIOCLEX:
	case FIONCLEX:
		return fd_flags_set(fd, cmd == FIOCLEX);
	case FIONBIO:
		if (get_user(on, arg))
			return -EFAULT;
		/* Atomic: a concurrent F_SETFL must not be undone. */
		if (on)
			__atomic_fetch_or(&f->flags, O_NONBLOCK, __ATOMIC_RELAXED);
		else
			__atomic_fetch_and(&f->flags, ~(unsigned int)O_NONBLOCK, __ATOMIC_RELAXED);
		return 0;
	case FIONREAD:
		if (f->inode && f->inode->data && S_ISREG(f->inode->mode))
			return put_user((int)(inode_size(f->inode) - READ_ONCE(f->pos)), arg);
	}
	return f->ops->ioctl ? f->ops->ioctl(f, cmd, arg) : -ENOTTY;
}

long sys_ioctl(struct trap_frame *frame)
{
	struct file *f = fd_get((int)frame->a0);
	unsigned int cmd = (unsigned int)frame->a1;
	long ret;

	if (!f)
		return -EBADF;
	if (f->flags & O_PATH)
		ret = -EBADF;
	else if (_IOC_TYPE(cmd) == _IOC_TYPE(FIOCLEX))
		ret = common_ioctl(f, (int)frame->a0, cmd, frame->a2);
	else
		ret = f->ops->ioctl ? f->ops->ioctl(f, cmd, frame->a2) : -ENOTTY;
	file_put(f);
	return ret;
}
