// SPDX-License-Identifier: MIT
/*
 * pipe.c - pipes: a buffer of 64 KiB between a file for writing and a file for reading.
 *
 * A connection between sockets consists of two pipes (unix_socket.c).
 *
 * `in` and `out` count all bytes ever moved; their difference is the number of bytes in the buffer.
 * User memory is accessed under the end's own mutex: there is one writer and one reader at a time,
 * and each works on its own part of the buffer. Writes of up to PIPE_BUF bytes are atomic: they
 * wait until all the bytes fit.
 */
#include <linux/errno.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include <linux/limits.h>
#include <linux/stat.h>
#include <asm/ioctls.h>
#include "file.h"
#include "hv/bits.h"
#include "mm/page.h"
#include "pipe.h"
#include "poll.h"
#include "lib/printk.h"
#include "sys_file.h"
#include "proc/syscall.h"
#include "mm/uaccess.h"

#define PIPE_SIZE  65536UL
#define PIPE_PAGES (PIPE_SIZE / PAGE_SIZE)

struct pipe {
	hpa_t page[PIPE_PAGES]; /* single pages: fragmented memory may have no larger blocks */
	struct mutex read_lock, write_lock;
	u64 in, out; /* each is written only by its own end */
	bool readers, writers;
	struct waitq wait;    /* both ends */
	struct spinlock lock; /* guards `ends` */
	int ends;
	char name[32];
};

/* Return the address of byte `at` of the buffer. Reduces *n to the contiguous bytes there. */
static u8 *bytes_at(const struct pipe *p, size_t at, size_t *n)
{
	*n = MIN(*n, PAGE_SIZE - at % PAGE_SIZE);
	return (u8 *)pa_to_va(p->page[at / PAGE_SIZE]) + at % PAGE_SIZE;
}

/*
 * Any thread may call this: `in` is read while `out` does not change, so in - out is not negative.
 */
static size_t filled(const struct pipe *p)
{
	size_t in, out;

	do {
		out = __atomic_load_n(&p->out, __ATOMIC_ACQUIRE);
		in = __atomic_load_n(&p->in, __ATOMIC_ACQUIRE);
	} while (out != __atomic_load_n(&p->out, __ATOMIC_RELAXED));
	return in - out;
}

static size_t room(const struct pipe *p)
{
	return PIPE_SIZE - filled(p);
}

static long pipe_read_some(struct pipe *p, unsigned long buf, size_t size)
{
	size_t done = 0, n;
	const u8 *from;

	while (done < size && (n = filled(p))) {
		n = MIN(n, size - done);
		from = bytes_at(p, p->out % PIPE_SIZE, &n);
		if (copy_to_user(buf + done, from, n))
			return done ? (long)done : -EFAULT;
		__atomic_store_n(&p->out, p->out + n, __ATOMIC_RELEASE);
		done += n;
	}
	return (long)done;
}

long pipe_get(struct pipe *p, bool nonblock, unsigned long buf, size_t size)
{
	long ret = 0;

	if (!size)
		return 0;
	while (!ret) {
		/* Acquire: the last writer may have written and closed its end after the first test. */
		if (!filled(p) && !__atomic_load_n(&p->writers, __ATOMIC_ACQUIRE)) {
			if (!filled(p))
				return 0;
			continue;
		}
		/* Check once: if another reader takes the data, nonblock must not wait. */
		if (nonblock)
			ret = filled(p) ? 0 : -EAGAIN;
		else
			ret = wait_event_interruptible(&p->wait,
						       filled(p) || !READ_ONCE(p->writers));
		if (ret)
			return ret;
		ret = mutex_lock_interruptible(&p->read_lock);
		if (ret)
			return ret;
		ret = pipe_read_some(p, buf, size);
		mutex_unlock(&p->read_lock);
	}
	if (ret > 0)
		waitq_wake_all(&p->wait);
	return ret;
}

static long pipe_read(struct file *f, unsigned long buf, size_t size, u64 *pos)
{
	(void)pos;
	return pipe_get(f->priv, f->flags & O_NONBLOCK, buf, size);
}

/*
 * Write as many bytes as there is room for. Returns their number or -EFAULT. write_lock is held, so
 * free space can only grow. Readers, which do not take that lock, get all bytes at once: they must
 * not find a part of a write of up to PIPE_BUF bytes.
 */
static long pipe_write_some(struct pipe *p, unsigned long buf, size_t size)
{
	size_t done = 0, n;
	u8 *to;

	size = MIN(size, room(p));
	while (done < size) {
		n = size - done;
		to = bytes_at(p, (p->in + done) % PIPE_SIZE, &n);
		if (copy_from_user(to, buf + done, n))
			break;
		done += n;
	}
	if (size && !done)
		return -EFAULT;
	__atomic_store_n(&p->in, p->in + done, __ATOMIC_RELEASE);
	return (long)done;
}

static long pipe_write_locked(struct pipe *p, bool nonblock, unsigned long buf, size_t size)
{
	size_t done = 0, need;
	long ret = 0;

	while (done < size) {
		need = size <= PIPE_BUF ? size : 1;
		if (!READ_ONCE(p->readers)) {
			ret = -EPIPE;
			break;
		}
		if (room(p) < need && nonblock) {
			ret = -EAGAIN;
			break;
		}
		ret = wait_event_interruptible(&p->wait, room(p) >= need || !READ_ONCE(p->readers));
		if (ret)
			break;
		if (!READ_ONCE(p->readers))
			continue;
		ret = pipe_write_some(p, buf + done, size - done);
		if (ret < 0)
			break;
		done += (size_t)ret;
		waitq_wake_all(&p->wait);
	}
	return done ? (long)done : ret;
}

long pipe_put(struct pipe *p, bool nonblock, unsigned long buf, size_t size)
{
	long ret;

	if (!size)
		return 0;
	if (nonblock) {
		/* A writer that holds the lock for long waits for room: report a full pipe. */
		if (!mutex_trylock(&p->write_lock))
			return -EAGAIN;
	} else {
		ret = mutex_lock_interruptible(&p->write_lock);
		if (ret)
			return ret;
	}
	ret = pipe_write_locked(p, nonblock, buf, size);
	mutex_unlock(&p->write_lock);
	return ret;
}

static long pipe_write(struct file *f, unsigned long buf, size_t size, u64 *pos)
{
	long ret = pipe_put(f->priv, f->flags & O_NONBLOCK, buf, size);

	(void)pos;
	return ret == -EPIPE ? write_broken_pipe() : ret;
}

size_t pipe_filled(const struct pipe *p)
{
	return filled(p);
}

static long pipe_ioctl(struct file *f, unsigned int cmd, unsigned long arg)
{
	struct pipe *p = f->priv;

	switch (cmd) {
	case FIONREAD:
		return put_user((int)filled(p), arg);
	case F_GETPIPE_SZ:
		return PIPE_SIZE;
	case F_SETPIPE_SZ:
		return arg <= PIPE_SIZE ? (long)PIPE_SIZE : -EPERM;
	default:
		return -ENOTTY;
	}
}

unsigned int pipe_poll_end(struct pipe *p, bool writing, struct poll_table *table)
{
	poll_wait(table, &p->wait);
	if (writing)
		return (room(p) >= PIPE_BUF ? EPOLLOUT | EPOLLWRNORM : 0) |
		       (READ_ONCE(p->readers) ? 0 : EPOLLERR);
	return (filled(p) ? EPOLLIN | EPOLLRDNORM : 0) | (READ_ONCE(p->writers) ? 0 : EPOLLHUP);
}

static unsigned int pipe_poll(struct file *f, struct poll_table *table)
{
	return pipe_poll_end(f->priv, file_is_writable(f), table);
}

void pipe_hang_up(struct pipe *p, bool writing)
{
	if (writing)
		WRITE_ONCE(p->writers, false);
	else
		WRITE_ONCE(p->readers, false);
	waitq_wake_all(&p->wait);
}

void pipe_discard(struct pipe *p)
{
	unsigned int i;

	for (i = 0; i < PIPE_PAGES; i++)
		if (p->page[i])
			page_free(p->page[i], 0);
	kfree(p);
}

void pipe_close(struct pipe *p, bool writing)
{
	bool last;

	pipe_hang_up(p, writing);
	spin_lock(&p->lock);
	last = --p->ends == 0;
	spin_unlock(&p->lock);
	if (last)
		pipe_discard(p);
}

static void pipe_release(struct file *f)
{
	pipe_close(f->priv, file_is_writable(f));
}

static const struct file_ops pipe_ops = {
	.read = pipe_read,
	.write = pipe_write,
	.ioctl = pipe_ioctl,
	.poll = pipe_poll,
	.release = pipe_release,
};

struct pipe *pipe_new(void)
{
	static u32 next;
	struct pipe *p = kmalloc(sizeof(*p));
	unsigned int i;

	if (!p)
		return NULL;
	for (i = 0; i < PIPE_PAGES; i++) {
		p->page[i] = page_alloc(0); /* not cleared: only bytes that were written are read */
		if (!p->page[i]) {
			pipe_discard(p);
			return NULL;
		}
	}
	mutex_init(&p->read_lock);
	mutex_init(&p->write_lock);
	waitq_init(&p->wait);
	p->readers = p->writers = true;
	p->ends = 2;
	snprintf(p->name, sizeof(p->name), "pipe:[%u]",
		 __atomic_add_fetch(&next, 1, __ATOMIC_RELAXED) + 1);
	return p;
}

static struct file *pipe_end(struct pipe *p, unsigned int flags)
{
	struct file *f = file_alloc(&pipe_ops, p, flags);

	if (f) {
		f->kind = S_IFIFO | 0600;
		f->anon_name = p->name;
	}
	return f;
}

long sys_pipe2(struct trap_frame *frame)
{
	unsigned int flags = (unsigned int)frame->a1, kept = flags & O_NONBLOCK;
	struct file *r = NULL, *w = NULL;
	struct pipe *p;
	int fds[2] = { -1, -1 };
	int err = -ENOMEM;

	if (flags & ~(O_CLOEXEC | O_NONBLOCK)) /* O_DIRECT: packets are not supported */
		return -EINVAL;
	p = pipe_new();
	if (!p)
		return -ENOMEM;
	r = pipe_end(p, O_RDONLY | kept);
	w = r ? pipe_end(p, O_WRONLY | kept) : NULL;
	if (!w) {
		if (r) {
			pipe_close(p, true);
			file_put(r);
		} else {
			pipe_discard(p);
		}
		return err;
	}
	err = fds[0] = fd_install(r, flags & O_CLOEXEC);
	if (err >= 0) {
		r = NULL;
		err = fds[1] = fd_install(w, flags & O_CLOEXEC);
	}
	if (err >= 0) {
		w = NULL;
		err = copy_to_user(frame->a0, fds, sizeof(fds));
	}
	if (err < 0) {
		if (fds[0] >= 0)
			fd_close(fds[0]);
		if (fds[1] >= 0)
			fd_close(fds[1]);
		file_put(r);
		file_put(w);
		return err;
	}
	return 0;
}
