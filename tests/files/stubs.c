// SPDX-License-Identifier: MIT
/*
 * stubs.c - memory, log and time for the file tree on the build machine. ramfs.c needs pages, so it
 * is replaced too: here, a regular file's data is only a pointer and a size.
 */
#include <linux/stat.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "sched/clock.h"
#include "fs/inode.h"
#include "mm/account.h"
#include "mm/page.h"
#include "lib/printk.h"
#include "proc/process.h"
#include "stubs.h"

char log_line[512];
unsigned int nr_log_lines;
long fail_alloc_in = -1;
unsigned int fail_allocs = 1;
unsigned int nr_pauses;
int pause_error;
void (*on_pause)(void);
long tree_bytes;

static unsigned int nr_failed;
static bool any_failed;

struct ram_file {
	const u8 *base;
	u64 size;
};

size_t shim_strlcpy(char *dst, const char *src, size_t size)
{
	size_t len = strlen(src);

	if (size) {
		size_t n = MIN(len, size - 1);

		memcpy(dst, src, n);
		dst[n] = '\0';
	}
	return len;
}

void *kmalloc(size_t size)
{
	if (fail_alloc_in >= 0 && fail_alloc_in-- == 0) {
		if (nr_failed + 1 < fail_allocs) {
			nr_failed++;
			fail_alloc_in = 0;
		} else {
			nr_failed = 0;
		}
		any_failed = true;
		return NULL;
	}
	return calloc(1, size ? size : 1);
}

void kfree(void *p)
{
	free(p);
}

bool page_was_missed(void)
{
	return any_failed;
}

void page_get(hpa_t pa)
{
	(void)pa;
}

void *kmalloc_uncharged(size_t size)
{
	return kmalloc(size);
}

struct account *account_use(struct account *account)
{
	return account;
}

void mutex_init(struct mutex *m)
{
	(void)m;
}

void mutex_lock(struct mutex *m)
{
	(void)m;
}

void mutex_unlock(struct mutex *m)
{
	(void)m;
}

bool mutex_is_mine(const struct mutex *m)
{
	(void)m;
	return true;
}

int tree_pause(void)
{
	nr_pauses++;
	if (on_pause)
		on_pause();
	return pause_error;
}

void panic(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	abort();
}

u64 clock_realtime_ns(void)
{
	return 1000000000;
}

void printk(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(log_line, sizeof(log_line), fmt, ap);
	va_end(ap);
	nr_log_lines++;
}

/*
 * Stub: keep only the data's address and size. Read the first and the last byte, so that ASan
 * detects data outside the archive.
 */
struct ram_file *ram_file_create(const void *base, u64 size)
{
	struct ram_file *rf = kmalloc(sizeof(*rf));

	if (!rf)
		return NULL;
	rf->base = base;
	rf->size = size;
	if (size) {
		(void)*(const volatile u8 *)rf->base;
		(void)*(const volatile u8 *)(rf->base + size - 1);
	}
	return rf;
}

void ram_file_destroy(struct ram_file *rf)
{
	kfree(rf);
}

u64 ram_file_size(const struct ram_file *rf)
{
	return rf->size;
}

void tree_begin(void)
{
	root_inode = inode_alloc(S_IFDIR | 0755, NULL);
	log_line[0] = '\0';
	nr_log_lines = 0;
	any_failed = false;
	nr_pauses = 0;
	pause_error = 0;
	on_pause = NULL;
}

static void drop_names(struct inode *dir)
{
	struct dentry *d;

	while (!list_empty(&dir->children)) {
		d = list_first_entry(&dir->children, struct dentry, link);
		if (S_ISDIR(d->inode->mode))
			drop_names(d->inode);
		dir_remove(d);
	}
}

void tree_end(void)
{
	drop_names(root_inode);
	inode_put(root_inode);
	root_inode = NULL;
}

/* ---- ramfs.c: the limit on the memory of the directory tree ---- */

bool tree_has_room(void)
{
	return true;
}

void tree_count(long bytes)
{
	tree_bytes += bytes;
}
