// SPDX-License-Identifier: MIT
/*
 * hugetlb.c - the pool of huge pages: blocks of 2 MiB, allocated only on explicit request.
 *
 * Blocks are taken from the page allocator at boot (hugepages=N) or when a number is written to
 * nr_hugepages in /proc/sys/vm or in /sys, and only such a write gives them back. A block in use
 * consists of 512 ordinary pages with their own reference counts. The first page of the block has
 * the kind PAGE_HUGE, and `unreferenced` of that page counts the block's pages without a reference.
 * When it reaches 512, the block returns to the pool.
 *
 * Nothing is reserved for a mapping: mmap() without MAP_NORESERVE only checks that enough blocks
 * are free at that time. A fault that finds the pool empty raises SIGBUS. Locks: resize_lock (a
 * mutex; nr_blocks) > pool_lock (the free blocks).
 */
#include <linux/errno.h>
#include <stdlib.h>
#include <string.h>
#include "hv/bits.h"
#include "hv/spinlock.h"
#include "platform/bootargs.h"
#include "file/file.h"
#include "hugetlb.h"
#include "fs/inode.h"
#include "platform/layout.h"
#include "page.h"
#include "lib/printk.h"
#include "fs/pseudo.h"
#include "sched/thread.h"
#include "vma.h"

#define PAGES_IN_BLOCK (1U << ORDER_2M)

static struct list_head free_blocks = LIST_HEAD_INIT(free_blocks); /* list of struct page */
static size_t nr_blocks, nr_free, nr_wanted;
static struct spinlock pool_lock;
static struct mutex resize_lock;

size_t huge_page_total(void)
{
	return READ_ONCE(nr_blocks);
}

size_t huge_page_free_count(void)
{
	return READ_ONCE(nr_free);
}

/* Put a block into the pool. Each page of the block has one reference, as from page_alloc(). */
static void block_to_pool(hpa_t pa)
{
	struct page *page = page_of(pa);

	spin_lock(&pool_lock);
	WRITE_ONCE(page->kind, PAGE_HUGE);
	page->unreferenced = 0;
	list_add(&page->link, &free_blocks);
	WRITE_ONCE(nr_free, nr_free + 1);
	spin_unlock(&pool_lock);
}

hpa_t huge_page_alloc(void)
{
	struct page *page = NULL;

	spin_lock(&pool_lock);
	if (nr_free) {
		page = list_first_entry(&free_blocks, struct page, link);
		list_del(&page->link);
		WRITE_ONCE(nr_free, nr_free - 1);
	}
	spin_unlock(&pool_lock);
	return page ? page_to_hpa(page) : 0;
}

void huge_page_dropped(hpa_t pa, unsigned int pages)
{
	hpa_t block = ALIGN_DOWN(pa, SZ_2M);
	struct page *page = page_of(block);
	unsigned int i;

	if (page->kind == PAGE_GIANT) {
		giant_page_dropped(pa, pages);
		return;
	}
	if (__atomic_add_fetch(&page->unreferenced, pages, __ATOMIC_ACQ_REL) < PAGES_IN_BLOCK)
		return;
	for (i = 0; i < PAGES_IN_BLOCK; i++)
		WRITE_ONCE(page[i].refs, 1);
	block_to_pool(block);
}

/*
 * Grow the pool to `wanted` blocks, or to as many as memory allows, or shrink it by giving back
 * free blocks.
 */
static void resize(size_t wanted)
{
	hpa_t pa = 1;

	mutex_lock(&resize_lock);
	nr_wanted = wanted;
	while (nr_blocks < nr_wanted && (pa = page_alloc_user(ORDER_2M)) != 0) {
		nr_blocks++;
		block_to_pool(pa);
		irq_window();
	}
	while (nr_blocks > nr_wanted && (pa = huge_page_alloc()) != 0) {
		nr_blocks--;
		WRITE_ONCE(page_of(pa)->kind, PAGE_OTHER);
		page_free(pa, ORDER_2M);
		irq_window();
	}
	mutex_unlock(&resize_lock);
}

/*
 * Return how many huge pages of this size the boot arguments request: hugepages=N applies to the
 * size in the last hugepagesz= before it, or else to 2 MiB.
 */
static size_t boot_pages(unsigned long size)
{
	unsigned long of = SZ_2M;
	unsigned int i = 0;
	const char *arg;
	size_t wanted = 0;

	while ((arg = bootarg_next(&i)) != NULL) {
		if (!strcmp(arg, "hugepagesz=2M"))
			of = SZ_2M;
		else if (!strcmp(arg, "hugepagesz=1G"))
			of = SZ_1G;
		else if (!strncmp(arg, "hugepages=", 10) && of == size)
			wanted = strtoul(arg + 10, NULL, 0);
	}
	return wanted;
}

void hugetlb_reserve(void)
{
	size_t wanted = boot_pages(SZ_1G), got = giant_pages_reserve(wanted);

	if (got < wanted)
		printk("host: %zu huge pages of 1 GiB instead of %zu: not enough aligned "
		       "memory, or more than 64\n",
		       got, wanted);
}

void hugetlb_init(void)
{
	size_t wanted = boot_pages(SZ_2M);

	mutex_init(&resize_lock);
	resize(wanted);
	if (nr_blocks < wanted)
		printk("host: %zu huge pages instead of %zu: not enough memory\n", nr_blocks,
		       wanted);
}

/* ---- mappings ------------------------------------------------------------------------- */

bool huge_page_size_ok(unsigned long log)
{
	return !log || 1UL << log == SZ_2M || 1UL << log == SZ_1G;
}

int huge_check_mapping(struct vma_spec *spec, bool noreserve)
{
	unsigned long size;
	size_t want, has;

	if (spec->file && spec->file->ops->page_size == SZ_2M)
		spec->flags |= VMA_HUGETLB;
	else if (spec->file && (spec->flags & VMA_HUGETLB))
		return -EINVAL;
	if (!(spec->flags & VMA_HUGETLB))
		return 0;
	if (spec->file)
		spec->flags &= ~VMA_GIANT; /* ignore MAP_HUGE_*: the file determines the size */
	size = spec->flags & VMA_GIANT ? SZ_1G : SZ_2M;
	spec->len = ALIGN_UP(spec->len, size);
	if (spec->pgoff % (SZ_2M / PAGE_SIZE) || (spec->fixed && spec->addr % size))
		return -EINVAL;
	if (spec->len > USER_END || (spec->fixed && spec->addr > USER_END - spec->len))
		return -ENOMEM;
	spec->addr = ALIGN_UP(spec->addr, size); /* for a hint; a fixed address is aligned */
	if (spec->addr > USER_END - spec->len)
		spec->addr = 0;
	want = spec->len / size;
	if (spec->file)
		want -= MIN(want, ram_file_pages(spec->file->inode->data) / (SZ_2M / PAGE_SIZE));
	has = spec->flags & VMA_GIANT ? giant_page_free_count() : huge_page_free_count();
	return noreserve || want <= has ? 0 : -ENOMEM;
}

/* ---- /proc, /sys ----------------------------------------------------------------------- */

static int show_count(struct inode *inode, struct text *t)
{
	const struct pseudo_file *pf = inode->priv;

	text_add(t, "%zu\n", pf->data ? READ_ONCE(*(const size_t *)pf->data) : 0);
	return 0;
}

static int store_total(struct inode *inode, const char *line)
{
	unsigned long wanted;

	(void)inode;
	if (pseudo_number(line, ~0UL, &wanted))
		return -EINVAL;
	resize(wanted);
	return 0;
}

static int show_giants(struct inode *inode, struct text *t)
{
	(void)inode;
	text_add(t, "%zu\n", giant_page_total());
	return 0;
}

static int show_free_giants(struct inode *inode, struct text *t)
{
	(void)inode;
	text_add(t, "%zu\n", giant_page_free_count());
	return 0;
}

#define POOL   "/sys/kernel/mm/hugepages/hugepages-2048kB/"
#define GIANTS "/sys/kernel/mm/hugepages/hugepages-1048576kB/"

static const struct pseudo_file files[] = {
	{ .path = "/proc/sys/vm/nr_hugepages",
	  .show = show_count,
	  .store = store_total,
	  .data = &nr_blocks },
	{ .path = POOL "nr_hugepages",
	  .show = show_count,
	  .store = store_total,
	  .data = &nr_blocks },
	{ .path = POOL "free_hugepages", .show = show_count, .data = &nr_free },
	{ .path = POOL "resv_hugepages", .show = show_count },
	{ .path = POOL "surplus_hugepages", .show = show_count },
	{ .path = GIANTS "nr_hugepages", .show = show_giants },
	{ .path = GIANTS "free_hugepages", .show = show_free_giants },
};

void hugetlb_files_init(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(files); i++)
		pseudo_make(&files[i]);
}
