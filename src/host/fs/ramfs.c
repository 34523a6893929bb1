// SPDX-License-Identifier: MIT
/*
 * ramfs.c - data of regular files, in pages of memory.
 *
 * The bytes of a file from the initramfs stay in the archive (`base`). Reads copy from there, and a
 * page is made only for data that is written, preallocated or mapped shared. A whole page of the
 * file that is page-aligned in the archive becomes the file's page without a copy.
 *
 * Pages are kept in chunks of 2 MiB. If memory permits, a chunk that lies within the size of a
 * "huge" file (a memfd or shared memory) is allocated as one block of 512 pages, so that a shared
 * mapping can be a 2M leaf.
 *
 * Locks: rf->lock guards size, chunks and pages. It is never held over a copy from or to user
 * memory, which may fault on this very file; a copy holds a reference on its page instead.
 * rf->write_lock is taken before rf->lock, for the whole of a write(), truncate() or fallocate():
 * two appends do not mix, and no page leaves the file while write() fills it.
 */
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <string.h>
#include "mm/account.h"
#include "mm/hugetlb.h"
#include "ramfs.h"
#include "sched/thread.h"
#include "mm/uaccess.h"

struct ram_file *ram_file_create(const void *base, u64 size)
{
	struct ram_file *rf = kmalloc(sizeof(*rf));

	if (!rf)
		return NULL;
	mutex_init(&rf->lock);
	mutex_init(&rf->write_lock);
	rf->base = base;
	rf->base_size = rf->size = size;
	return rf;
}

u64 ram_file_size(const struct ram_file *rf)
{
	return READ_ONCE(rf->size);
}

u64 ram_file_pages(const struct ram_file *rf)
{
	return READ_ONCE(rf->nr_pages) + (READ_ONCE(rf->base_size) + PAGE_SIZE - 1) / PAGE_SIZE;
}

void ram_file_set_huge(struct ram_file *rf, bool hugetlb)
{
	rf->huge = true;
	rf->hugetlb = hugetlb;
	rf->account = current->account;
	if (rf->account)
		account_get(rf->account);
}

/*
 * The directory tree outlives all processes. Therefore, the pages of files, the tables of their
 * chunks, and names with their inodes may together use at most half of the memory, which is the
 * default of Linux's tmpfs. Memfds and shared memory are freed with their users, and are not
 * counted.
 */
static size_t tree_bytes; /* atomic */

bool tree_has_room(void)
{
	return READ_ONCE(tree_bytes) < page_total_count() / 2 * PAGE_SIZE;
}

void tree_count(long bytes)
{
	__atomic_fetch_add(&tree_bytes, (size_t)bytes, __ATOMIC_RELAXED);
}

bool ram_tree_has_room(const struct ram_file *rf)
{
	return rf->huge || tree_has_room();
}

static void count_bytes(const struct ram_file *rf, long bytes)
{
	if (!rf->huge)
		tree_count(bytes);
}

void ram_count_pages(struct ram_file *rf, long pages)
{
	WRITE_ONCE(rf->nr_pages, rf->nr_pages + (u64)pages);
	count_bytes(rf, pages * (long)PAGE_SIZE);
}

/* A chunk's table is one page: the addresses of 512 pages. */
static void table_free(struct ram_file *rf, u64 chunk)
{
	if (!rf->chunks[chunk].pages)
		return;
	kfree(rf->chunks[chunk].pages);
	rf->chunks[chunk].pages = NULL;
	count_bytes(rf, -(long)PAGE_SIZE);
}

/* ---- pages; rf->lock is held, or rf is being freed ----------------------------------- */

hpa_t *ram_page_slot(const struct ram_file *rf, u64 index)
{
	u64 chunk = index / CHUNK_PAGES;

	if (chunk >= rf->nr_chunks || !rf->chunks[chunk].pages)
		return NULL;
	return &rf->chunks[chunk].pages[index % CHUNK_PAGES];
}

/* Is this page of the file a page of the archive? Then it takes no memory of its own. */
static bool page_is_of_archive(const struct ram_file *rf, u64 index, hpa_t pa)
{
	return rf->base && pa == va_to_pa(rf->base + index * PAGE_SIZE);
}

/* Remove the pages with indices in [from, to) from the file. */
void ram_drop_pages(struct ram_file *rf, u64 from, u64 to)
{
	u64 last = MIN(to, (u64)rf->nr_chunks * CHUNK_PAGES), index, chunk;
	hpa_t *slot;

	for (index = from; index < last; index++) {
		slot = ram_page_slot(rf, index);
		if (!slot) {
			index |= CHUNK_PAGES - 1;
			if (index / CHUNK_PAGES % 256 == 0)
				irq_window();
			continue;
		}
		if (!*slot)
			continue;
		rf->chunks[index / CHUNK_PAGES].block = false;
		if (!page_is_of_archive(rf, index, *slot))
			ram_count_pages(rf, -1);
		page_put(*slot);
		*slot = 0;
		if (index % 8 == 0)
			irq_window();
	}
	/* Free the tables of empty chunks, so that each chunk can become a block again. */
	for (chunk = (from + CHUNK_PAGES - 1) / CHUNK_PAGES; (chunk + 1) * CHUNK_PAGES <= last;
	     chunk++) {
		table_free(rf, chunk);
		if (chunk % 64 == 0)
			irq_window();
	}
}

void ram_file_destroy(struct ram_file *rf)
{
	if (!rf)
		return;
	ram_drop_pages(rf, 0, ~0ULL);
	kfree(rf->chunks);
	count_bytes(rf, -(long)(rf->nr_chunks * sizeof(*rf->chunks)));
	account_put(rf->account);
	kfree(rf);
}

/* The number of chunks is a power of two, so that all memory of the kmalloc() is counted. */
static int grow_chunks(struct ram_file *rf, u64 nr)
{
	size_t want = MAX(rf->nr_chunks, 2UL), bytes;
	struct ram_chunk *chunks;

	if (nr <= rf->nr_chunks)
		return 0;
	if (nr > CHUNKS_MAX)
		return -EFBIG;
	while (want < nr)
		want *= 2;
	bytes = want * sizeof(*chunks);
	if (!ram_tree_has_room(rf))
		return -ENOSPC;
	/* Like chunks' tables, a small array may use the reserve: executing a file needs it. */
	if (!rf->huge && bytes > PAGE_SIZE && page_free_count() < ram_reserve() + bytes / PAGE_SIZE)
		return -ENOSPC;
	chunks = kmalloc(bytes);
	if (!chunks)
		return -ENOSPC;
	memcpy(chunks, rf->chunks, rf->nr_chunks * sizeof(*chunks));
	kfree(rf->chunks);
	count_bytes(rf, (long)(bytes - rf->nr_chunks * sizeof(*chunks)));
	rf->chunks = chunks;
	rf->nr_chunks = want;
	return 0;
}

/*
 * Get a 2M block for a chunk within the size of a huge file. If there is none, pages are allocated
 * singly or, for hugetlb, chunk_make() fails.
 */
static void chunk_try_block(struct ram_file *rf, u64 chunk)
{
	struct ram_chunk *c = &rf->chunks[chunk];
	hpa_t pa;
	int i;

	if (!rf->huge || (chunk + 1) * SZ_2M > rf->size)
		return;
	if (!rf->hugetlb && page_free_count() < ram_reserve() + CHUNK_PAGES)
		return;
	pa = rf->hugetlb ? huge_page_alloc() : page_alloc_zeroed_block();
	if (!pa)
		return;
	if (rf->hugetlb)
		page_clear_block(pa);
	else
		page_charge(pa, CHUNK_PAGES);
	for (i = 0; i < CHUNK_PAGES; i++)
		c->pages[i] = pa + i * PAGE_SIZE;
	c->block = true;
	ram_count_pages(rf, CHUNK_PAGES);
}

int ram_chunk_make_empty(struct ram_file *rf, u64 chunk)
{
	int err = grow_chunks(rf, chunk + 1);

	if (err || rf->chunks[chunk].pages)
		return err;
	if (!ram_tree_has_room(rf))
		return -ENOSPC;
	rf->chunks[chunk].pages = kmalloc(CHUNK_PAGES * sizeof(hpa_t));
	if (!rf->chunks[chunk].pages)
		return -ENOSPC;
	count_bytes(rf, PAGE_SIZE);
	return 0;
}

static int chunk_make(struct ram_file *rf, u64 chunk)
{
	bool had = chunk < rf->nr_chunks && rf->chunks[chunk].pages;
	int err = ram_chunk_make_empty(rf, chunk);

	if (!err && !had)
		chunk_try_block(rf, chunk);
	if (!err && rf->hugetlb && !rf->chunks[chunk].block) {
		table_free(rf, chunk);
		err = -ENOSPC;
	}
	return err;
}

int ram_chunk_make(struct ram_file *rf, u64 chunk)
{
	struct account *before = account_use(rf->account);
	int err = chunk_make(rf, chunk);

	account_use(before);
	return err;
}

/* Return the page of the archive that is this page of the file, with a reference, or 0. */
static hpa_t page_of_archive(const struct ram_file *rf, u64 index)
{
	u64 start = index * PAGE_SIZE;
	hpa_t pa;

	if (start >= rf->base_size || rf->base_size - start < PAGE_SIZE ||
	    !IS_ALIGNED((unsigned long)rf->base, PAGE_SIZE))
		return 0;
	pa = va_to_pa(rf->base + start);
	page_get(pa);
	return pa;
}

/* Allocate a page for the file. Returns 0 if there is no memory, or if the file may use no more. */
static hpa_t page_make(struct ram_file *rf, u64 index)
{
	u64 start = index * PAGE_SIZE;
	struct account *before;
	hpa_t pa;

	if (page_free_count() < ram_reserve() || !ram_tree_has_room(rf))
		return 0;
	before = account_use(rf->account);
	pa = page_alloc_zeroed(0);
	account_use(before);
	if (!pa)
		return 0;
	if (start < rf->base_size)
		memcpy(pa_to_va(pa), rf->base + start, MIN(rf->base_size - start, PAGE_SIZE));
	ram_count_pages(rf, 1);
	return pa;
}

/* Get the file's own page, with a reference for the caller. Creates the page if it is missing. */
int ram_page_own(struct ram_file *rf, u64 index, hpa_t *pa)
{
	hpa_t *slot;
	int err = ram_chunk_make(rf, index / CHUNK_PAGES);

	if (err)
		return err;
	slot = ram_page_slot(rf, index);
	if (!*slot)
		*slot = page_of_archive(rf, index);
	if (!*slot)
		*slot = page_make(rf, index);
	if (!*slot)
		return -ENOSPC;
	*pa = *slot;
	page_get(*pa);
	return 0;
}

/* ---- reading and writing ------------------------------------------------------------- */

static const u8 zero_page[PAGE_SIZE] __attribute__((aligned(4096)));

/*
 * Set *from to the address of the file's bytes at pos, and *pa to the page that the caller has to
 * put, or to 0. Returns how many of the `size` bytes can be read from there, at most up to the end
 * of the page; 0 at the end of the file.
 */
static size_t ram_source(struct ram_file *rf, u64 pos, size_t size, const u8 **from, hpa_t *pa)
{
	size_t in_page = pos % PAGE_SIZE, n = 0;
	hpa_t *slot;

	*pa = 0;
	mutex_lock(&rf->lock);
	if (pos < rf->size) {
		n = MIN(MIN(size, PAGE_SIZE - in_page), (size_t)(rf->size - pos));
		slot = ram_page_slot(rf, pos / PAGE_SIZE);
		if (slot && *slot) {
			*pa = *slot;
			page_get(*pa);
			*from = (u8 *)pa_to_va(*pa) + in_page;
		} else if (pos < rf->base_size) {
			n = MIN(n, (size_t)(rf->base_size - pos));
			*from = rf->base + pos;
		} else {
			*from = zero_page + in_page;
		}
	}
	mutex_unlock(&rf->lock);
	return n;
}

long ram_kread(struct file *f, void *buf, size_t size, u64 pos)
{
	struct ram_file *rf = f->inode->data;
	const u8 *from;
	size_t done = 0, n;
	hpa_t pa;

	while (done < size) {
		n = ram_source(rf, pos + done, size - done, &from, &pa);
		if (!n)
			break;
		memcpy((u8 *)buf + done, from, n);
		if (pa)
			page_put(pa);
		done += n;
		if (done < size)
			irq_window();
	}
	return (long)done;
}

long ram_read(struct file *f, unsigned long buf, size_t size, u64 *pos)
{
	struct ram_file *rf = f->inode->data;
	const u8 *from;
	size_t done = 0, n;
	hpa_t pa;
	int err = 0;

	while (done < size && !err) {
		n = ram_source(rf, *pos + done, size - done, &from, &pa);
		if (!n)
			break;
		err = copy_to_user(buf + done, from, n);
		if (pa)
			page_put(pa);
		if (!err)
			done += n;
		if (done < size)
			irq_window();
	}
	*pos += done;
	return done ? (long)done : err;
}

/* Write n bytes at pos, all in one page. The file's size grows only after the copy. */
static int ram_write_page(struct ram_file *rf, unsigned long buf, u64 pos, size_t n)
{
	u64 from = MAX(pos, ram_file_size(rf));
	hpa_t pa;
	int err;

	mutex_lock(&rf->lock);
	err = ram_page_own(rf, pos / PAGE_SIZE, &pa);
	mutex_unlock(&rf->lock);
	if (err)
		return err;
	err = copy_from_user((u8 *)pa_to_va(pa) + pos % PAGE_SIZE, buf, n);
	/* If a part was copied, it must not show in the file when the file grows. */
	if (err && from < pos + n)
		memset((u8 *)pa_to_va(pa) + from % PAGE_SIZE, 0, pos + n - from);
	page_put(pa);
	if (err)
		return err;
	mutex_lock(&rf->lock);
	if (pos + n > rf->size)
		WRITE_ONCE(rf->size, pos + n);
	mutex_unlock(&rf->lock);
	return 0;
}

static long write_locked(struct file *f, unsigned long buf, size_t size, u64 *pos)
{
	struct ram_file *rf = f->inode->data;
	u64 at = f->flags & O_APPEND ? ram_file_size(rf) : *pos;
	size_t done = 0, n;
	int err = 0;

	if (at >= FILE_MAX && size)
		return -EFBIG;
	while (done < size && at + done < FILE_MAX) {
		n = MIN(size - done, PAGE_SIZE - (size_t)((at + done) % PAGE_SIZE));
		err = ram_write_page(rf, buf + done, at + done, n);
		if (err)
			break;
		done += n;
		if (done < size)
			irq_window();
	}
	*pos = at + done;
	if (done)
		inode_touch(f->inode, now_ns());
	return done ? (long)done : err;
}

long ram_write(struct file *f, unsigned long buf, size_t size, u64 *pos)
{
	struct ram_file *rf = f->inode->data;
	long ret = mutex_lock_killable(&rf->write_lock);

	if (ret)
		return ret;
	ret = write_locked(f, buf, size, pos);
	mutex_unlock(&rf->write_lock);
	return ret;
}

int ram_fsync(struct file *f)
{
	(void)f;
	return 0;
}

/*
 * As on hugetlbfs, these files can be read and mapped, but can be written only through a mapping.
 */
const struct file_ops ram_huge_file_ops = {
	RAM_FILE_OPS,
	.page_size = SZ_2M,
	.truncate = ram_truncate,
	.allocate = ram_allocate,
};

const struct file_ops ram_file_ops = {
	RAM_FILE_OPS,
	.write = ram_write,
	.truncate = ram_truncate,
	.allocate = ram_allocate,
};
