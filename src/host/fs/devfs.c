// SPDX-License-Identifier: MIT
/*
 * devfs.c - the list of devices, and those without hardware: null, zero, full, random, urandom.
 */
#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/stat.h>
#include "devfs.h"
#include "hv/bits.h"
#include "mm/page.h"
#include "lib/printk.h"
#include "platform/random.h"
#include "proc/process.h"
#include "sched/thread.h"
#include "mm/uaccess.h"

static struct list_head devices = LIST_HEAD_INIT(devices);
static bool tree_ready;

static void make_node(struct device *dev)
{
	char path[64];
	struct inode *inode;

	snprintf(path, sizeof(path), "/dev/%s", dev->name);
	inode = tree_make(path, dev->mode, NULL);
	if (!inode || (inode->mode & S_IFMT) != (dev->mode & S_IFMT)) {
		printk("host: cannot create %s\n", path);
		return;
	}
	inode->rdev = dev->number;
}

void devfs_add(struct device *dev)
{
	list_add_tail(&dev->link, &devices);
	if (tree_ready)
		make_node(dev);
}

int devfs_open(struct inode *inode, struct file *f)
{
	struct device *dev;

	list_for_each_entry(dev, &devices, link)
		if (dev->number == inode->rdev && (dev->mode & S_IFMT) == (inode->mode & S_IFMT))
			return dev->open(dev, f);
	return -ENXIO;
}

/* ---- null, zero, full, random ---------------------------------------------------------- */

static long read_nothing(struct file *f, unsigned long buf, size_t size, u64 *pos)
{
	(void)f;
	(void)buf;
	(void)size;
	(void)pos;
	return 0;
}

static long write_all(struct file *f, unsigned long buf, size_t size, u64 *pos)
{
	(void)f;
	(void)buf;
	(void)pos;
	return (long)size;
}

static long write_full(struct file *f, unsigned long buf, size_t size, u64 *pos)
{
	(void)f;
	(void)buf;
	(void)size;
	(void)pos;
	return -ENOSPC;
}

/* Read in pieces, so that a huge read delays neither interrupts nor signals. */
static long read_pieces(unsigned long buf, size_t size, int (*piece)(unsigned long at, size_t n))
{
	size_t done = 0, n;
	int err = 0;

	while (done < size) {
		n = MIN(size - done, PAGE_SIZE);
		err = piece(buf + done, n);
		if (err)
			break;
		done += n;
		irq_window();
		if (thread_signal_pending(current))
			break;
	}
	return done ? (long)done : err;
}

static int zero_piece(unsigned long at, size_t n)
{
	return clear_user(at, n);
}

static int random_piece(unsigned long at, size_t n)
{
	u8 bytes[256];
	size_t done, part;
	int err = 0;

	for (done = 0; !err && done < n; done += part) {
		part = MIN(n - done, sizeof(bytes));
		random_bytes(bytes, part);
		err = copy_to_user(at + done, bytes, part);
	}
	return err;
}

static long read_zero(struct file *f, unsigned long buf, size_t size, u64 *pos)
{
	(void)f;
	(void)pos;
	return read_pieces(buf, size, zero_piece);
}

static long read_random(struct file *f, unsigned long buf, size_t size, u64 *pos)
{
	(void)f;
	(void)pos;
	return read_pieces(buf, size, random_piece);
}

static long seek_nowhere(struct file *f, s64 offset, int whence)
{
	(void)offset;
	(void)whence;
	f->pos = 0;
	return 0;
}

static const struct file_ops null_ops = {
	.read = read_nothing,
	.write = write_all,
	.seek = seek_nowhere,
};
static const struct file_ops zero_ops = {
	.read = read_zero,
	.write = write_all,
	.seek = seek_nowhere,
};
static const struct file_ops full_ops = {
	.read = read_zero,
	.write = write_full,
	.seek = seek_nowhere,
};
static const struct file_ops random_ops = {
	.read = read_random,
	.write = write_all,
	.seek = seek_nowhere,
};

static int memory_device_open(struct device *dev, struct file *f)
{
	f->ops = dev->priv;
	return 0;
}

#define MEMORY_DEVICE(text, minor, fops)                                              \
	{                                                                             \
		.name = text, .mode = S_IFCHR | 0666, .number = DEV_NUMBER(1, minor), \
		.open = memory_device_open, .priv = (void *)(uintptr_t)(fops),        \
	}

static struct device memory_devices[] = {
	MEMORY_DEVICE("null", 3, &null_ops),      MEMORY_DEVICE("zero", 5, &zero_ops),
	MEMORY_DEVICE("full", 7, &full_ops),      MEMORY_DEVICE("random", 8, &random_ops),
	MEMORY_DEVICE("urandom", 9, &random_ops),
};

void devfs_init(void)
{
	struct device *dev;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(memory_devices); i++)
		list_add_tail(&memory_devices[i].link, &devices);
	tree_ready = true;
	list_for_each_entry(dev, &devices, link)
		make_node(dev);
}
