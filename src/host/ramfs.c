// SPDX-License-Identifier: MIT
/*
 * ramfs.c - the data of regular files, in pages of memory.
 *
 * A file from the initramfs has its bytes where the archive has them (`base`): reading
 * copies from there, and a page is made only for what is written or mapped shared. A page
 * of the archive that is aligned and wholly the file's becomes the file's page as it is.
 *
 * Pages stand in chunks of 2 MiB. A chunk of a "huge" file (memfd) that the size covers is
 * one block of 512 pages, so that a shared mapping can be a 2M leaf.
 *
 * Lock: rf->lock for size, chunks and pages; never held over a copy from or to user
 * memory, which may fault on this very file. A copy holds a reference on its page instead.
 */
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/stat.h>
#include <string.h>
#include "inode.h"
#include "page.h"
#include "thread.h"
#include "uaccess.h"

#define CHUNK_PAGES 512
#define CHUNKS_MAX  (SZ_2M * 2 / sizeof(struct ram_chunk)) /* what one kmalloc() can hold */
#define FILE_MAX    ((u64)CHUNKS_MAX * SZ_2M)

struct ram_chunk {
	hpa_t *pages; /* CHUNK_PAGES of them, 0: none yet; NULL: none at all */
	bool block;   /* they are one aligned block of 2M */
};

struct ram_file {
	struct mutex lock;
	const u8 *base; /* bytes [0, base_size) where no page is; NULL: zeros */
	u64 base_size;
	u64 size;
	struct ram_chunk *chunks;
	size_t nr_chunks;
	u64 nr_pages;
	bool huge;
};

struct ram_file *ram_file_create(const void *base, u64 size)
{
	struct ram_file *rf = kmalloc(sizeof(*rf));

	if (!rf)
		return NULL;
	mutex_init(&rf->lock);
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

void ram_file_set_huge(struct ram_file *rf)
{
	rf->huge = true;
}

/* ---- pages; rf->lock is held --------------------------------------------------------- */

static hpa_t *page_slot(const struct ram_file *rf, u64 index)
{
	u64 chunk = index / CHUNK_PAGES;

	if (chunk >= rf->nr_chunks || !rf->chunks[chunk].pages)
		return NULL;
	return &rf->chunks[chunk].pages[index % CHUNK_PAGES];
}

/* Free the pages of [from, to), by page index. */
static void drop_pages(struct ram_file *rf, u64 from, u64 to)
{
	u64 index, last = MIN(to, (u64)rf->nr_chunks * CHUNK_PAGES);
	hpa_t *slot;

	for (index = from; index < last; index++) {
		slot = page_slot(rf, index);
		if (!slot) {
			index |= CHUNK_PAGES - 1;
			continue;
		}
		if (!*slot)
			continue;
		rf->chunks[index / CHUNK_PAGES].block = false;
		page_put(*slot);
		*slot = 0;
		rf->nr_pages--;
		if (index % CHUNK_PAGES == 0)
			irq_window();
	}
}

void ram_file_destroy(struct ram_file *rf)
{
	size_t i;

	if (!rf)
		return;
	drop_pages(rf, 0, ~0ULL);
	for (i = 0; i < rf->nr_chunks; i++)
		kfree(rf->chunks[i].pages);
	kfree(rf->chunks);
	kfree(rf);
}

static int grow_chunks(struct ram_file *rf, u64 nr)
{
	size_t want = MIN(MAX((size_t)nr, rf->nr_chunks * 2), CHUNKS_MAX);
	struct ram_chunk *chunks;

	if (nr <= rf->nr_chunks)
		return 0;
	if (nr > CHUNKS_MAX)
		return -EFBIG;
	chunks = kmalloc(want * sizeof(*chunks));
	if (!chunks)
		return -ENOSPC;
	memcpy(chunks, rf->chunks, rf->nr_chunks * sizeof(*chunks));
	kfree(rf->chunks);
	rf->chunks = chunks;
	rf->nr_chunks = want;
	return 0;
}

/* A 2M block for a chunk that the file covers; without one the pages come singly. */
static void chunk_try_block(struct ram_file *rf, u64 chunk)
{
	struct ram_chunk *c = &rf->chunks[chunk];
	hpa_t pa;
	int i;

	if (!rf->huge || (chunk + 1) * SZ_2M > rf->size)
		return;
	pa = page_alloc_zeroed(ORDER_2M);
	if (!pa)
		return;
	for (i = 0; i < CHUNK_PAGES; i++)
		c->pages[i] = pa + i * PAGE_SIZE;
	c->block = true;
	rf->nr_pages += CHUNK_PAGES;
}

static int chunk_make(struct ram_file *rf, u64 chunk)
{
	int err = grow_chunks(rf, chunk + 1);

	if (err || rf->chunks[chunk].pages)
		return err;
	rf->chunks[chunk].pages = kmalloc(CHUNK_PAGES * sizeof(hpa_t));
	if (!rf->chunks[chunk].pages)
		return -ENOSPC;
	chunk_try_block(rf, chunk);
	return 0;
}

static hpa_t page_make(struct ram_file *rf, u64 index)
{
	u64 start = index * PAGE_SIZE;
	const u8 *from = rf->base + start;
	hpa_t pa;

	if (start >= rf->base_size)
		return page_alloc_zeroed(0);
	if (rf->base_size - start >= PAGE_SIZE && IS_ALIGNED((unsigned long)from, PAGE_SIZE)) {
		page_get(va_to_pa(from));
		return va_to_pa(from);
	}
	pa = page_alloc_zeroed(0);
	if (pa)
		memcpy(pa_to_va(pa), from, MIN(rf->base_size - start, PAGE_SIZE));
	return pa;
}

/* The file's own page, made if there is none. With a reference for the caller. */
static int page_own(struct ram_file *rf, u64 index, hpa_t *pa)
{
	hpa_t *slot;
	int err = chunk_make(rf, index / CHUNK_PAGES);

	if (err)
		return err;
	slot = page_slot(rf, index);
	if (!*slot) {
		*slot = page_make(rf, index);
		if (!*slot)
			return -ENOSPC;
		rf->nr_pages++;
	}
	*pa = *slot;
	page_get(*pa);
	return 0;
}

/* ---- reading and writing ------------------------------------------------------------- */

static const u8 zero_page[PAGE_SIZE] __attribute__((aligned(4096)));

/* Where the bytes from pos on are, at most to the page's end; *pa: to be put, or 0. */
static size_t ram_source(struct ram_file *rf, u64 pos, size_t size, const u8 **from, hpa_t *pa)
{
	size_t in_page = pos % PAGE_SIZE, n = 0;
	hpa_t *slot;

	*pa = 0;
	mutex_lock(&rf->lock);
	if (pos < rf->size) {
		n = MIN(MIN(size, PAGE_SIZE - in_page), (size_t)(rf->size - pos));
		slot = page_slot(rf, pos / PAGE_SIZE);
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

static long ram_kread(struct file *f, void *buf, size_t size, u64 pos)
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
	}
	return (long)done;
}

static long ram_read(struct file *f, unsigned long buf, size_t size, u64 *pos)
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
	}
	*pos += done;
	return done ? (long)done : err;
}

/* One page's part of a write; the size grows behind the copy. */
static int ram_write_page(struct ram_file *rf, unsigned long buf, u64 pos, size_t n)
{
	hpa_t pa;
	int err;

	mutex_lock(&rf->lock);
	err = page_own(rf, pos / PAGE_SIZE, &pa);
	mutex_unlock(&rf->lock);
	if (err)
		return err;
	err = copy_from_user((u8 *)pa_to_va(pa) + pos % PAGE_SIZE, buf, n);
	page_put(pa);
	if (err)
		return err;
	mutex_lock(&rf->lock);
	if (pos + n > rf->size)
		rf->size = pos + n;
	mutex_unlock(&rf->lock);
	return 0;
}

static long ram_write(struct file *f, unsigned long buf, size_t size, u64 *pos)
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
	}
	*pos = at + done;
	if (done)
		f->inode->mtime = f->inode->ctime = now_ns();
	return done ? (long)done : err;
}

/* ---- size, holes, mappings ----------------------------------------------------------- */

/* Zero [from, to) within what stays: the ends of a hole, the tail behind a new end. */
static int zero_part(struct ram_file *rf, u64 from, u64 to)
{
	hpa_t *slot, pa;
	int err = 0;

	if (from >= to)
		return 0;
	slot = page_slot(rf, from / PAGE_SIZE);
	if (!(slot && *slot) && from >= rf->base_size)
		return 0;
	err = page_own(rf, from / PAGE_SIZE, &pa);
	if (err)
		return err;
	memset((u8 *)pa_to_va(pa) + from % PAGE_SIZE, 0, to - from);
	page_put(pa);
	return 0;
}

int ram_file_truncate(struct ram_file *rf, u64 size)
{
	u64 first_gone = (size + PAGE_SIZE - 1) / PAGE_SIZE;
	int err = 0;

	if (size > FILE_MAX)
		return -EFBIG;
	mutex_lock(&rf->lock);
	if (size < rf->size) {
		/* In the archive itself nothing is zeroed: base_size hides it. */
		rf->base_size = MIN(rf->base_size, size);
		err = zero_part(rf, size, first_gone * PAGE_SIZE);
		drop_pages(rf, first_gone, ~0ULL);
	}
	rf->size = size;
	mutex_unlock(&rf->lock);
	return err;
}

static int ram_truncate(struct file *f, u64 size)
{
	int err = ram_file_truncate(f->inode->data, size);

	if (!err)
		f->inode->mtime = f->inode->ctime = now_ns();
	return err;
}

/* A hole in what the archive holds needs pages of zeros: there base shows through. */
static int punch_hole(struct ram_file *rf, u64 from, u64 to)
{
	u64 first = (from + PAGE_SIZE - 1) / PAGE_SIZE, last = to / PAGE_SIZE, at;
	int err;

	if (first > last)
		return zero_part(rf, from, to);
	err = zero_part(rf, from, first * PAGE_SIZE);
	if (!err)
		err = zero_part(rf, last * PAGE_SIZE, to);
	for (at = first; !err && at < last && at * PAGE_SIZE < rf->base_size; at++)
		err = zero_part(rf, at * PAGE_SIZE, (at + 1) * PAGE_SIZE);
	if (!err)
		drop_pages(rf, at, last);
	return err;
}

static int preallocate(struct ram_file *rf, u64 from, u64 to)
{
	u64 index;
	hpa_t pa;
	int err = 0;

	for (index = from / PAGE_SIZE; !err && index * PAGE_SIZE < to; index++) {
		err = page_own(rf, index, &pa);
		if (!err)
			page_put(pa);
		if (index % CHUNK_PAGES == 0)
			irq_window();
	}
	return err;
}

static int ram_allocate(struct file *f, int mode, u64 offset, u64 size)
{
	struct ram_file *rf = f->inode->data;
	u64 end = offset + size, old;
	int err;

	if (end > FILE_MAX)
		return -EFBIG;
	if (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE))
		return -EOPNOTSUPP;
	mutex_lock(&rf->lock);
	old = rf->size;
	if (mode & FALLOC_FL_PUNCH_HOLE) {
		err = mode & FALLOC_FL_KEEP_SIZE
			      ? punch_hole(rf, offset, MIN(end, MAX(old, offset)))
			      : -EOPNOTSUPP;
	} else {
		/* The new size first: whole chunks below it can be blocks. */
		if (!(mode & FALLOC_FL_KEEP_SIZE) && end > old)
			rf->size = end;
		err = preallocate(rf, offset, end);
		if (err)
			rf->size = old;
	}
	mutex_unlock(&rf->lock);
	return err;
}

static int ram_mmap_page(struct file *f, u64 index, bool write, hpa_t *pa)
{
	struct ram_file *rf = f->inode->data;
	int err = -EINVAL;

	(void)write; /* a page once mapped is the file's: later writes must be seen */
	mutex_lock(&rf->lock);
	if (index < FILE_MAX / PAGE_SIZE && index * PAGE_SIZE < rf->size)
		err = page_own(rf, index, pa);
	mutex_unlock(&rf->lock);
	return err == -ENOSPC ? -ENOMEM : err;
}

static int ram_mmap_block(struct file *f, u64 index, hpa_t *pa)
{
	struct ram_file *rf = f->inode->data;
	u64 chunk = index / CHUNK_PAGES;
	int err = -EINVAL, i;

	mutex_lock(&rf->lock);
	if (rf->huge && index % CHUNK_PAGES == 0 && index < FILE_MAX / PAGE_SIZE &&
	    (chunk + 1) * SZ_2M <= rf->size && !chunk_make(rf, chunk) && rf->chunks[chunk].block) {
		*pa = rf->chunks[chunk].pages[0];
		for (i = 0; i < CHUNK_PAGES; i++)
			page_get(*pa + i * PAGE_SIZE);
		err = 0;
	}
	mutex_unlock(&rf->lock);
	return err;
}

/* SEEK_DATA and SEEK_HOLE: pages and the archive's bytes are data. */
static s64 next_edge(struct ram_file *rf, u64 pos, bool want_data)
{
	u64 at = pos;
	hpa_t *slot;
	bool data;

	for (; at < rf->size; at = (at / PAGE_SIZE + 1) * PAGE_SIZE) {
		slot = page_slot(rf, at / PAGE_SIZE);
		data = (slot && *slot) || at < rf->base_size;
		if (data == want_data)
			return (s64)at;
		if (!slot && at >= rf->base_size)
			at |= SZ_2M - 1;
	}
	return want_data ? -ENXIO : (s64)rf->size;
}

static long ram_seek(struct file *f, s64 offset, int whence)
{
	struct ram_file *rf = f->inode->data;
	s64 pos = offset;

	mutex_lock(&rf->lock);
	if (whence == SEEK_CUR)
		pos += (s64)f->pos;
	else if (whence == SEEK_END)
		pos += (s64)rf->size;
	else if (whence == SEEK_DATA || whence == SEEK_HOLE)
		pos = offset < 0 || (u64)offset >= rf->size
			      ? -ENXIO
			      : next_edge(rf, (u64)offset, whence == SEEK_DATA);
	else if (whence != SEEK_SET)
		pos = -EINVAL;
	mutex_unlock(&rf->lock);
	if (pos < 0)
		return pos == -ENXIO && whence >= SEEK_DATA ? -ENXIO : -EINVAL;
	f->pos = (u64)pos;
	return pos;
}

static int ram_fsync(struct file *f)
{
	(void)f;
	return 0;
}

const struct file_ops ram_file_ops = {
	.read = ram_read,
	.write = ram_write,
	.kread = ram_kread,
	.mmap_page = ram_mmap_page,
	.mmap_block = ram_mmap_block,
	.seek = ram_seek,
	.fsync = ram_fsync,
	.truncate = ram_truncate,
	.allocate = ram_allocate,
};
