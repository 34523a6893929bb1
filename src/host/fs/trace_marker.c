// SPDX-License-Identifier: MIT
/*
 * trace_marker.c - /sys/kernel/tracing/trace_marker: each write by a program becomes one or more
 * `print` events.
 *
 * A record has room for 32 characters; a longer string becomes several records, with `part`
 * counting from 0. One write() accepts at most MARKER_MAX bytes; the rest is left to the next
 * write(), as on Linux. A newline at the end is dropped.
 */
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/stat.h>
#include <string.h>
#include "hv/trace.h"
#include "inode.h"
#include "mm/uaccess.h"
#include "trace/trace_control.h"
#include "tracefs.h"

#define MARKER_MAX  1024
#define RECORD_TEXT 32

static void write_records(const char *text, size_t size)
{
	u64 part = 0;

	do {
		u64 words[RECORD_TEXT / 8] = { 0 };
		size_t n = MIN(size, (size_t)RECORD_TEXT);

		memcpy(words, text, n);
		trace_print(part++, words[0], words[1], words[2], words[3]);
		text += n;
		size -= n;
	} while (size);
}

static long marker_write(struct file *f, unsigned long buf, size_t size, u64 *pos)
{
	char text[MARKER_MAX];
	size_t n = MIN(size, sizeof(text));

	(void)f;
	if (!n)
		return 0;
	if (!trace_is_on())
		return -EBADF;
	if (copy_from_user(text, buf, n))
		return -EFAULT;
	write_records(text, n - (text[n - 1] == '\n'));
	*pos += n;
	return (long)n;
}

static const struct file_ops marker_file_ops = { .write = marker_write };

static int marker_open(struct inode *inode, struct file *f)
{
	(void)inode;
	if ((f->flags & O_ACCMODE) != O_WRONLY)
		return -EACCES;
	f->ops = &marker_file_ops;
	return 0;
}

static const struct inode_ops marker_ops = { .open = marker_open };

void trace_marker_init(void)
{
	tree_make(TRACEFS "/trace_marker", S_IFREG | 0220, &marker_ops);
}
