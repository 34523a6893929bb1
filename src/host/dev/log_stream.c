// SPDX-License-Identifier: MIT
/*
 * log_stream.c - a program's standard output as lines of the log, on machines without virtio.
 *
 * What is written to file descriptor N becomes lines "hs.N|TEXT" of at most CHUNK bytes each. In TEXT,
 * a newline, a backslash and every byte that is not printable ASCII are escaped as in C, so each line
 * of the log is printable. The launcher (scripts/hs/run/channel.py) turns TEXT back into bytes. A write
 * waits for the console and for other writes: as with a pipe, up to PIPE_BUF bytes are written at once.
 * Since the console is slow, a long write lets other threads run, and ends early if a signal is pending.
 */
#include <linux/errno.h>
#include <linux/eventpoll.h>
#include <linux/limits.h>
#include <linux/stat.h>
#include "lib/printk.h"
#include "mm/uaccess.h"
#include "file/poll.h"
#include "port.h"
#include "proc/process.h"
#include "sched/thread.h"
#include "sched/wait.h"

#define CHUNK   48 /* bytes written per line: with ESCAPED, a line fits printk()'s 255 characters */
#define HEX     "0123456789abcdef"
#define ESCAPED 4 /* characters that a byte becomes, at most */

static struct mutex write_lock = { .waiters = LIST_HEAD_INIT(write_lock.waiters) };

static size_t escape(char *to, u8 c)
{
	size_t n = 0;

	if (c >= ' ' && c <= '~' && c != '\\') {
		to[n++] = (char)c;
		return n;
	}
	to[n++] = '\\';
	if (c == '\n') {
		to[n++] = 'n';
	} else if (c == '\\') {
		to[n++] = '\\';
	} else {
		to[n++] = 'x';
		to[n++] = HEX[c >> 4];
		to[n++] = HEX[c & 15];
	}
	return n;
}

static void write_line(unsigned long fd, const u8 *bytes, size_t n)
{
	char text[CHUNK * ESCAPED + 1];
	size_t len = 0;

	for (size_t i = 0; i < n; i++)
		len += escape(text + len, bytes[i]);
	text[len] = '\0';
	printk("hs.%lu|%s\n", fd, text);
}

/* Write at most PIPE_BUF bytes, which do not mix with those of another write. */
static long write_block(unsigned long fd, unsigned long buf, size_t size)
{
	long err = mutex_lock_interruptible(&write_lock);
	size_t done = 0, n;
	u8 bytes[CHUNK];

	if (err)
		return err;
	for (; done < size; done += n) {
		n = MIN(size - done, (size_t)CHUNK);
		err = copy_from_user(bytes, buf + done, n);
		if (err)
			break;
		write_line(fd, bytes, n);
		irq_window();
	}
	mutex_unlock(&write_lock);
	return done ? (long)done : err;
}

static long log_stream_write(struct file *f, unsigned long buf, size_t size, u64 *pos)
{
	size_t done = 0;
	long n = 0;

	(void)pos;
	while (done < size && !(done && thread_signal_pending(current))) {
		n = write_block((unsigned long)f->priv, buf + done,
				MIN(size - done, (size_t)PIPE_BUF));
		if (n < 0)
			break;
		done += (size_t)n;
	}
	return done ? (long)done : n;
}

static unsigned int log_stream_poll(struct file *f, struct poll_table *table)
{
	(void)f;
	(void)table;
	return EPOLLOUT | EPOLLWRNORM;
}

static const struct file_ops log_stream_ops = {
	.write = log_stream_write,
	.poll = log_stream_poll,
};

struct file *log_stream(unsigned int fd, unsigned int flags)
{
	struct file *f = file_alloc(&log_stream_ops, (void *)(unsigned long)fd, flags);

	if (f) {
		f->kind = S_IFIFO | 0600;
		f->anon_name = "pipe:[1]";
	}
	return f;
}
