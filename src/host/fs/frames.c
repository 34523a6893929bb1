// SPDX-License-Identifier: MIT
/*
 * frames.c - /proc/self/pagemap, which shows the page frames of a process's pages, and
 * /sys/kernel/mm/page_idle/bitmap, which marks frames as idle.
 *
 * Both are binary files of 64-bit words, in Linux's format: one word for each page, and one bit for
 * each frame. Positions and sizes must be multiples of 8 bytes. A call transfers at most one
 * page; the caller calls again for the rest.
 */
#include <linux/errno.h>
#include <linux/stat.h>
#include "mm/page.h"
#include "mm/page_idle.h"
#include "mm/uaccess.h"
#include "mm/vma.h"
#include "proc/process.h"
#include "procfs.h"
#include "pseudo.h"

#define WORD        8
#define WORDS_MAX   (PAGE_SIZE / WORD)
#define WORD_FRAMES 64

/* ---- pagemap -------------------------------------------------------------------------------- */

#define PM_PRESENT   (1ULL << 63)
#define PM_FILE      (1ULL << 61) /* a file's page, or shared */
#define PM_EXCLUSIVE (1ULL << 56) /* nothing else holds a reference to the frame */

/* Store the entries of `count` pages from va on; mm->lock is held. */
static void fill_entries(struct mm *mm, unsigned long va, u64 *words, size_t count)
{
	const struct vma *vma = vma_next(mm, va);

	for (size_t i = 0; i < count; i++, va += PAGE_SIZE) {
		unsigned long size;
		pte_t *pte = pgtable_find(mm, va, &size);
		hpa_t pa;

		words[i] = 0;
		mm_walked(mm, WALK_LEAF);
		if (!pte)
			continue;
		pa = pte_to_hpa(*pte) + va % size;
		if (vma && va >= vma->end)
			vma = vma_next(mm, va);
		words[i] = PM_PRESENT | pa >> PAGE_SHIFT;
		if (vma && vma->file)
			words[i] |= PM_FILE;
		if (page_refs(pa) == 1)
			words[i] |= PM_EXCLUSIVE;
	}
}

static long pagemap_read(struct file *f, unsigned long buf, size_t size, u64 *pos)
{
	struct mm *mm = current_process->mm;
	const u64 pages = USER_END / PAGE_SIZE;
	u64 page = *pos / WORD, *words;
	size_t count = MIN(size / WORD, (size_t)WORDS_MAX);
	int err;

	if (*pos % WORD || size % WORD)
		return -EINVAL;
	if (!proc_is_mine(f->inode))
		return -EACCES;
	if (page >= pages || !count)
		return 0;
	count = MIN(count, (size_t)(pages - page));
	words = kmalloc(count * WORD);
	if (!words)
		return -ENOMEM;
	mutex_lock(&mm->lock);
	fill_entries(mm, page * PAGE_SIZE, words, count);
	mutex_unlock(&mm->lock);
	err = copy_to_user(buf, words, count * WORD);
	kfree(words);
	if (err)
		return err;
	*pos += count * WORD;
	return (long)(count * WORD);
}

static const struct file_ops pagemap_file_ops = {
	.read = pagemap_read,
	.seek = file_seek_no_end,
};

static int pagemap_open(struct inode *inode, struct file *f)
{
	if (!proc_is_mine(inode))
		return -EACCES;
	f->ops = &pagemap_file_ops;
	return 0;
}

const struct inode_ops proc_pagemap_ops = { .open = pagemap_open };

/* ---- page_idle/bitmap ------------------------------------------------------------------------ */

/* Frames up to the end of RAM have a bit. */
static u64 words_total(void)
{
	hpa_t start, end;

	page_ram_range(&start, &end);
	return (end / PAGE_SIZE + WORD_FRAMES - 1) / WORD_FRAMES;
}

/*
 * Check a transfer, and allocate the words and as many for the search (*words; kfree()). Returns
 * the number of words; 0 at the end of the bitmap; -EINVAL or -ENOMEM.
 */
static long bitmap_begin(size_t size, u64 pos, u64 **words)
{
	size_t count = MIN(size / WORD, (size_t)WORDS_MAX);

	if (pos % WORD || size % WORD)
		return -EINVAL;
	if (pos / WORD >= words_total() || !count)
		return 0;
	count = MIN(count, (size_t)(words_total() - pos / WORD));
	*words = kmalloc(2 * count * WORD);
	return *words ? (long)count : -ENOMEM;
}

static hpa_t frames_at(u64 pos)
{
	return pos / WORD * WORD_FRAMES * PAGE_SIZE;
}

static long bitmap_read(struct file *f, unsigned long buf, size_t size, u64 *pos)
{
	u64 *words;
	long count = bitmap_begin(size, *pos, &words);
	int err;

	(void)f;
	if (count <= 0)
		return count;
	page_idle_test(frames_at(*pos), words, (unsigned int)count, words + count);
	err = copy_to_user(buf, words, (size_t)count * WORD);
	kfree(words);
	if (err)
		return err;
	*pos += (u64)count * WORD;
	return count * WORD;
}

static long bitmap_write(struct file *f, unsigned long buf, size_t size, u64 *pos)
{
	u64 *words;
	long count = bitmap_begin(size, *pos, &words);
	int err;

	(void)f;
	if (count <= 0)
		return count || !size ? count : -ENXIO;
	err = copy_from_user(words, buf, (size_t)count * WORD);
	if (!err)
		page_idle_mark(frames_at(*pos), words, (unsigned int)count, words + count);
	kfree(words);
	if (err)
		return err;
	*pos += (u64)count * WORD;
	return count * WORD;
}

static const struct file_ops bitmap_file_ops = {
	.read = bitmap_read,
	.write = bitmap_write,
	.seek = file_seek_no_end,
};

static int bitmap_open(struct inode *inode, struct file *f)
{
	(void)inode;
	f->ops = &bitmap_file_ops;
	return 0;
}

static const struct inode_ops bitmap_ops = { .open = bitmap_open };

void frames_init(void)
{
	page_idle_init();
	tree_make("/sys/kernel/mm/page_idle/bitmap", S_IFREG | 0600, &bitmap_ops);
}
