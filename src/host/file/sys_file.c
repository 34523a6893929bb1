// SPDX-License-Identifier: MIT
/*
 * sys_file.c - system calls on an open file: read, write and their variants, lseek, ftruncate,
 * fallocate, fsync.
 *
 * A call that uses the file's own position holds pos_lock until it ends, so two threads that share
 * the file do not read the same bytes.
 */
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/signal.h>
#include <linux/uio.h>
#include "mm/page.h"
#include "proc/process.h"
#include "sys_file.h"
#include "proc/syscall.h"
#include "mm/uaccess.h"

#define IOV_BATCH 16

bool file_is_readable(const struct file *f)
{
	unsigned int flags = f->flags;

	return (flags & O_ACCMODE) != O_WRONLY && !(flags & O_PATH);
}

bool file_is_writable(const struct file *f)
{
	unsigned int flags = f->flags;

	return (flags & O_ACCMODE) != O_RDONLY && !(flags & O_PATH);
}

static struct file *fd_get_if(int fd, bool (*may)(const struct file *f))
{
	struct file *f = fd_get(fd);

	if (f && !may(f)) {
		file_put(f);
		f = NULL;
	}
	return f;
}

/*
 * Get fd's file, with a reference, if it is open for reading or for writing, respectively. NULL
 * means -EBADF.
 */
static struct file *fd_get_readable(int fd)
{
	return fd_get_if(fd, file_is_readable);
}

static struct file *fd_get_writable(int fd)
{
	return fd_get_if(fd, file_is_writable);
}

long write_broken_pipe(void)
{
	signal_send_process(current_process, SIGPIPE, SI_KERNEL);
	return -EPIPE;
}

static long file_read_at(struct file *f, unsigned long buf, size_t size, u64 *pos)
{
	return f->ops->read ? f->ops->read(f, buf, MIN(size, RW_MAX), pos) : -EINVAL;
}

static long file_write_at(struct file *f, unsigned long buf, size_t size, u64 *pos)
{
	return f->ops->write ? f->ops->write(f, buf, MIN(size, RW_MAX), pos) : -EINVAL;
}

static long file_io(struct file *f, bool write, unsigned long buf, size_t size, u64 *pos)
{
	return write ? file_write_at(f, buf, size, pos) : file_read_at(f, buf, size, pos);
}

/*
 * Lock the file's position, if it has one, and set *pos to it. The holder may wait for its buffer
 * without limit (userfaultfd), so that a thread that is being killed must not wait for the lock:
 * the result is then -EINTR.
 */
static int pos_lock(struct file *f, u64 *pos)
{
	int err = f->ops->seek ? mutex_lock_killable(&f->pos_lock) : 0;

	if (f->ops->seek && !err)
		*pos = f->pos;
	return err;
}

/* Unlock the position. If `ret`, the call's result, is no error, set the position to pos. */
static void pos_unlock(struct file *f, long ret, u64 pos)
{
	if (!f->ops->seek)
		return;
	if (ret >= 0)
		WRITE_ONCE(f->pos, pos);
	mutex_unlock(&f->pos_lock);
}

/* Read or write at the file's own position. */
static long io_sequential(int fd, bool write, unsigned long buf, size_t size)
{
	struct file *f = write ? fd_get_writable(fd) : fd_get_readable(fd);
	u64 pos = 0;
	long ret;

	if (!f)
		return -EBADF;
	ret = pos_lock(f, &pos);
	if (!ret) {
		ret = file_io(f, write, buf, size, &pos);
		pos_unlock(f, ret, pos);
	}
	file_put(f);
	return ret;
}

long sys_read(struct trap_frame *frame)
{
	return io_sequential((int)frame->a0, false, frame->a1, frame->a2);
}

long sys_write(struct trap_frame *frame)
{
	return io_sequential((int)frame->a0, true, frame->a1, frame->a2);
}

/* Read or write at the given offset. */
static long io_positioned(int fd, bool write, unsigned long buf, size_t size, s64 offset)
{
	struct file *f = fd_get(fd);
	u64 pos = (u64)offset;
	long ret;

	if (!f)
		return -EBADF;
	if (offset < 0)
		ret = -EINVAL;
	else if (!(f->flags & O_PATH) &&
		 (!f->ops->seek || (write ? f->ops->no_pwrite : f->ops->no_pread)))
		ret = -ESPIPE;
	else if (!(write ? file_is_writable(f) : file_is_readable(f)))
		ret = -EBADF;
	else
		ret = file_io(f, write, buf, size, &pos);
	file_put(f);
	return ret;
}

long sys_pread64(struct trap_frame *frame)
{
	return io_positioned((int)frame->a0, false, frame->a1, frame->a2, (s64)frame->a3);
}

long sys_pwrite64(struct trap_frame *frame)
{
	return io_positioned((int)frame->a0, true, frame->a1, frame->a2, (s64)frame->a3);
}

/* ---- vectors ----------------------------------------------------------------------------- */

static long iov_batch(struct file *f, bool write, const struct iovec *iov, int n, u64 *pos,
		      bool *stop)
{
	long done = 0, ret;
	int i;

	for (i = 0; i < n && !*stop; i++) {
		if (!iov[i].iov_len)
			continue;
		ret = file_io(f, write, (unsigned long)iov[i].iov_base, iov[i].iov_len, pos);
		if (ret < 0 || (size_t)ret < iov[i].iov_len || irq_window_killable())
			*stop = true;
		if (ret < 0)
			return done ? done : ret;
		done += ret;
	}
	return done;
}

/* Check all lengths before the first byte moves. */
static int iov_check(unsigned long vec, size_t count)
{
	struct iovec iov[IOV_BATCH];
	size_t i, j, n, total = 0;

	if (count > UIO_MAXIOV)
		return -EINVAL;
	for (i = 0; i < count; i += n) {
		n = MIN(count - i, (size_t)IOV_BATCH);
		if (copy_from_user(iov, vec + i * sizeof(*iov), n * sizeof(*iov)))
			return -EFAULT;
		for (j = 0; j < n; j++) {
			total += iov[j].iov_len;
			if (iov[j].iov_len > (size_t)1 << 62 || total > (size_t)1 << 62)
				return -EINVAL;
		}
	}
	return 0;
}

static long iov_all(struct file *f, bool write, unsigned long vec, size_t count, u64 *pos)
{
	struct iovec iov[IOV_BATCH];
	long done = 0, ret = 0;
	bool stop = false;
	size_t i, n;

	ret = iov_check(vec, count);
	for (i = 0; ret >= 0 && i < count && !stop; i += n) {
		n = MIN(count - i, (size_t)IOV_BATCH);
		ret = -EFAULT;
		if (!copy_from_user(iov, vec + i * sizeof(*iov), n * sizeof(*iov)))
			ret = iov_batch(f, write, iov, (int)n, pos, &stop);
		if (ret > 0)
			done += ret;
	}
	return done ? done : ret;
}

static long iov_io(struct trap_frame *frame, bool write, bool positioned)
{
	int fd = (int)frame->a0;
	struct file *f = write ? fd_get_writable(fd) : fd_get_readable(fd);
	u64 pos = frame->a3;
	long ret;

	if (!f)
		return -EBADF;
	if (positioned) {
		ret = (s64)frame->a3 < 0 ? -EINVAL
		      : !f->ops->seek    ? -ESPIPE
					 : iov_all(f, write, frame->a1, frame->a2, &pos);
		file_put(f);
		return ret;
	}
	ret = pos_lock(f, &pos);
	if (!ret) {
		ret = iov_all(f, write, frame->a1, frame->a2, &pos);
		pos_unlock(f, ret, pos);
	}
	file_put(f);
	return ret;
}

long sys_readv(struct trap_frame *frame)
{
	return iov_io(frame, false, false);
}

long sys_writev(struct trap_frame *frame)
{
	return iov_io(frame, true, false);
}

long sys_preadv(struct trap_frame *frame)
{
	return iov_io(frame, false, true);
}

long sys_pwritev(struct trap_frame *frame)
{
	return iov_io(frame, true, true);
}

/* The calls with flags (RWF_*). No flag is supported; offset -1 means the file's own position. */
long sys_preadv2(struct trap_frame *frame)
{
	if (frame->a5)
		return -EOPNOTSUPP;
	return iov_io(frame, false, frame->a3 != ~0UL);
}

long sys_pwritev2(struct trap_frame *frame)
{
	if (frame->a5)
		return -EOPNOTSUPP;
	return iov_io(frame, true, frame->a3 != ~0UL);
}

/* ---- position, size, durability ---------------------------------------------------------- */

long sys_lseek(struct trap_frame *frame)
{
	struct file *f = fd_get((int)frame->a0);
	long ret;

	if (!f)
		return -EBADF;
	if (!f->ops->seek) {
		ret = f->flags & O_PATH ? -EBADF : -ESPIPE;
	} else {
		ret = mutex_lock_killable(&f->pos_lock);
		if (!ret) {
			ret = f->ops->seek(f, (s64)frame->a1, (int)frame->a2);
			mutex_unlock(&f->pos_lock);
		}
	}
	file_put(f);
	return ret;
}

long sys_ftruncate(struct trap_frame *frame)
{
	struct file *f = fd_get((int)frame->a0);
	long ret;

	if (!f)
		return -EBADF;
	if ((s64)frame->a1 < 0 || !file_is_writable(f) || !f->ops->truncate)
		ret = -EINVAL;
	else
		ret = f->ops->truncate(f, frame->a1);
	file_put(f);
	return ret;
}

long sys_fallocate(struct trap_frame *frame)
{
	struct file *f = fd_get_writable((int)frame->a0);
	s64 offset = (s64)frame->a2, size = (s64)frame->a3;
	long ret;

	if (!f)
		return -EBADF;
	if (offset < 0 || size <= 0)
		ret = -EINVAL;
	else if ((u64)offset + (u64)size > (u64)INT64_MAX)
		ret = -EFBIG;
	else if (!f->ops->allocate)
		ret = f->ops->seek ? -EOPNOTSUPP : -ESPIPE;
	else
		ret = f->ops->allocate(f, (int)frame->a1, (u64)offset, (u64)size);
	file_put(f);
	return ret;
}

long sys_fsync(struct trap_frame *frame)
{
	struct file *f = fd_get((int)frame->a0);
	long ret;

	if (!f)
		return -EBADF;
	ret = f->ops->fsync ? f->ops->fsync(f) : -EINVAL;
	file_put(f);
	return ret;
}

long sys_fdatasync(struct trap_frame *frame)
{
	return sys_fsync(frame);
}
