// SPDX-License-Identifier: MIT
/*
 * ramfs_size.c - regular files: their size, holes, and mappings. ramfs.c has the pages.
 *
 * Lock: rf->lock.
 */
#include <linux/errno.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <string.h>
#include "mm/account.h"
#include "mm/hugetlb.h"
#include "ramfs.h"
#include "sched/thread.h"

/*
 * Zero bytes [from, to) of one page. Makes the page if the archive's bytes would show without it;
 * any other missing page is zeros already.
 */
static int zero_part(struct ram_file *rf, u64 from, u64 to)
{
	hpa_t *slot, pa;
	int err = 0;

	if (from >= to)
		return 0;
	slot = ram_page_slot(rf, from / PAGE_SIZE);
	if (!(slot && *slot) && from >= rf->base_size)
		return 0;
	err = ram_page_own(rf, from / PAGE_SIZE, &pa);
	if (err)
		return err;
	memset((u8 *)pa_to_va(pa) + from % PAGE_SIZE, 0, to - from);
	page_put(pa);
	return 0;
}

int ram_file_truncate(struct ram_file *rf, u64 size)
{
	u64 first_gone = (size + PAGE_SIZE - 1) / PAGE_SIZE;
	bool mapped = false;
	int err = 0;

	if (size > FILE_MAX)
		return -EFBIG;
	if (rf->hugetlb && size % SZ_2M)
		return -EINVAL;
	/* Wait for a write(): it would put its bytes into a page that is no longer in the file. */
	err = mutex_lock_killable(&rf->write_lock);
	if (err)
		return err;
	mutex_lock(&rf->lock);
	if (size < rf->size) {
		/* The archive's bytes beyond the new size are not zeroed: base_size hides them. */
		WRITE_ONCE(rf->base_size, MIN(rf->base_size, size));
		err = zero_part(rf, size, first_gone * PAGE_SIZE);
		ram_drop_pages(rf, first_gone, ~0ULL);
		mapped = rf->mapped;
	}
	WRITE_ONCE(rf->size, size);
	mutex_unlock(&rf->lock);
	if (mapped)
		file_unmap_pages(rf, first_gone, ~0ULL);
	mutex_unlock(&rf->write_lock);
	return err;
}

int ram_truncate(struct file *f, u64 size)
{
	int err = ram_file_truncate(f->inode->data, size);

	if (!err)
		inode_touch(f->inode, now_ns());
	return err;
}

/* A hole below base_size needs pages of zeros: without a page, the archive's bytes would show. */
static int punch_hole(struct ram_file *rf, u64 from, u64 to)
{
	u64 first = (from + PAGE_SIZE - 1) / PAGE_SIZE, last = to / PAGE_SIZE, at;
	int err;

	if (first > last)
		return zero_part(rf, from, to);
	err = zero_part(rf, from, first * PAGE_SIZE);
	if (!err)
		err = zero_part(rf, last * PAGE_SIZE, to);
	for (at = first; !err && at < last && at * PAGE_SIZE < rf->base_size; at++) {
		err = zero_part(rf, at * PAGE_SIZE, (at + 1) * PAGE_SIZE);
		irq_window();
	}
	if (!err)
		ram_drop_pages(rf, at, last);
	return err;
}

/* Count the pages with indices in [from, to) that the file does not have. */
static u64 missing_pages(const struct ram_file *rf, u64 from, u64 to)
{
	u64 index, missing = 0, next;
	hpa_t *slot;

	for (index = from; index < to; index = next) {
		slot = ram_page_slot(rf, index);
		next = slot ? index + 1 : MIN((index / CHUNK_PAGES + 1) * CHUNK_PAGES, to);
		if (!slot || !*slot)
			missing += next - index;
		if (next % CHUNK_PAGES == 0)
			irq_window();
	}
	return missing;
}

/* Check for free memory first: a request that cannot be met must not use up what others need. */
static int preallocate(struct ram_file *rf, u64 from, u64 to)
{
	u64 first = from / PAGE_SIZE, last = (to + PAGE_SIZE - 1) / PAGE_SIZE, index;
	hpa_t pa;
	int err = 0;

	index = missing_pages(rf, first, last);
	if (rf->hugetlb ? index / CHUNK_PAGES > huge_page_free_count()
			: index + ram_reserve() > page_free_count())
		return -ENOSPC;
	for (index = from / PAGE_SIZE; !err && index * PAGE_SIZE < to; index++) {
		err = ram_page_own(rf, index, &pa);
		if (!err)
			page_put(pa);
		if (index % CHUNK_PAGES == 0)
			irq_window();
	}
	return err;
}

int ram_allocate(struct file *f, int mode, u64 offset, u64 size)
{
	struct ram_file *rf = f->inode->data;
	u64 end = offset + size, old;
	bool unmap;
	int err;

	if (end > FILE_MAX)
		return -EFBIG;
	if (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE))
		return -EOPNOTSUPP;
	if (rf->hugetlb) { /* round to huge pages: a hole shrinks, an allocation grows */
		offset = mode & FALLOC_FL_PUNCH_HOLE ? ALIGN_UP(offset, SZ_2M)
						     : ALIGN_DOWN(offset, SZ_2M);
		end = mode & FALLOC_FL_PUNCH_HOLE ? ALIGN_DOWN(end, SZ_2M) : ALIGN_UP(end, SZ_2M);
		if (end <= offset)
			return 0;
	}
	err = mutex_lock_killable(&rf->write_lock); /* as in ram_file_truncate() */
	if (err)
		return err;
	mutex_lock(&rf->lock);
	old = rf->size;
	if (mode & FALLOC_FL_PUNCH_HOLE) {
		err = mode & FALLOC_FL_KEEP_SIZE
			      ? punch_hole(rf, offset, MIN(end, MAX(old, offset)))
			      : -EOPNOTSUPP;
	} else {
		/* Set the new size first: only chunks that lie wholly below it can be blocks. */
		if (!(mode & FALLOC_FL_KEEP_SIZE) && end > old)
			WRITE_ONCE(rf->size, end);
		err = preallocate(rf, offset, end);
		if (err) {
			WRITE_ONCE(rf->size, old);
			ram_drop_pages(rf, (MAX(old, offset) + PAGE_SIZE - 1) / PAGE_SIZE,
				       (end + PAGE_SIZE - 1) / PAGE_SIZE);
		}
	}
	unmap = rf->mapped && (mode & FALLOC_FL_PUNCH_HOLE);
	mutex_unlock(&rf->lock);
	if (unmap)
		file_unmap_pages(rf, (offset + PAGE_SIZE - 1) / PAGE_SIZE, end / PAGE_SIZE);
	mutex_unlock(&rf->write_lock);
	return err;
}

int ram_mmap_page(struct file *f, u64 index, bool write, hpa_t *pa)
{
	struct ram_file *rf = f->inode->data;
	int err = -EINVAL;

	(void)write; /* even a page mapped for reading is the file's own: it shows later writes */
	mutex_lock(&rf->lock);
	if (index < FILE_MAX / PAGE_SIZE && index * PAGE_SIZE < rf->size)
		err = ram_page_own(rf, index, pa);
	rf->mapped = true;
	mutex_unlock(&rf->lock);
	/*
	 * If the tree is full, the exit of a process would not make room in it, so the access gets
	 * a SIGBUS, as on Linux.
	 */
	if (err != -ENOSPC || !ram_tree_has_room(rf))
		return err;
	/* The same if memory is only too fragmented for the array of chunks of a large file. */
	if (!page_was_missed() && page_is_plenty())
		return err;
	page_missed(); /* -ENOMEM, not -ENOSPC: callers wait for memory and repeat the access */
	return -ENOMEM;
}

int ram_mmap_block(struct file *f, u64 index, hpa_t *pa)
{
	struct ram_file *rf = f->inode->data;
	u64 chunk = index / CHUNK_PAGES;
	int err = -EINVAL, i;

	mutex_lock(&rf->lock);
	if (rf->huge && index % CHUNK_PAGES == 0 && index < FILE_MAX / PAGE_SIZE &&
	    (chunk + 1) * SZ_2M <= rf->size && !ram_chunk_make(rf, chunk) &&
	    rf->chunks[chunk].block) {
		*pa = rf->chunks[chunk].pages[0];
		for (i = 0; i < CHUNK_PAGES; i++)
			page_get(*pa + i * PAGE_SIZE);
		rf->mapped = true;
		err = 0;
	}
	mutex_unlock(&rf->lock);
	return err;
}

/*
 * A page beyond the end of the file counts as present, so that its fault is not reported to a
 * userfaultfd as one for a missing page, which the userfaultfd could not supply.
 */
bool ram_has_page(struct file *f, u64 index)
{
	struct ram_file *rf = f->inode->data;
	hpa_t *slot;
	bool has;

	mutex_lock(&rf->lock);
	slot = ram_page_slot(rf, index);
	has = (slot && *slot) || index * PAGE_SIZE < rf->base_size ||
	      index >= (rf->size + PAGE_SIZE - 1) / PAGE_SIZE;
	mutex_unlock(&rf->lock);
	return has;
}

int ram_insert_page(struct file *f, u64 index, hpa_t pa)
{
	struct ram_file *rf = f->inode->data;
	unsigned int i, n = rf->hugetlb ? CHUNK_PAGES : 1;
	struct account *before;
	hpa_t *slot;
	int err = -EFAULT;

	/* A huge page fills exactly one chunk. */
	if (index % n || !IS_ALIGNED(pa, n * PAGE_SIZE))
		return -EINVAL;
	mutex_lock(&rf->lock);
	before = account_use(rf->account);
	if (index < FILE_MAX / PAGE_SIZE && index * PAGE_SIZE < rf->size)
		err = ram_chunk_make_empty(rf, index / CHUNK_PAGES);
	slot = err ? NULL : ram_page_slot(rf, index);
	if (!err && (*slot || index * PAGE_SIZE < rf->base_size))
		err = -EEXIST;
	for (i = 0; !err && i < n; i++) {
		slot[i] = pa + i * PAGE_SIZE;
		ram_count_pages(rf, 1);
		rf->mapped = true;
	}
	if (!err && !rf->hugetlb)
		page_charge(pa, 1);
	account_use(before);
	if (!err && rf->hugetlb)
		rf->chunks[index / CHUNK_PAGES].block = true;
	mutex_unlock(&rf->lock);
	return err == -ENOSPC ? -ENOMEM : err;
}

/*
 * For SEEK_DATA and SEEK_HOLE: return the first position at or after pos that is in data (if
 * want_data) or in a hole. Pages and the archive's bytes are data; the end of the file counts as a
 * hole. Returns -ENXIO if there is no more data.
 */
static s64 next_edge(struct ram_file *rf, u64 pos, bool want_data)
{
	u64 at = pos;
	hpa_t *slot;
	bool data;

	for (; at < rf->size; at = (at / PAGE_SIZE + 1) * PAGE_SIZE) {
		if (IS_ALIGNED(at, SZ_2M))
			irq_window();
		slot = ram_page_slot(rf, at / PAGE_SIZE);
		data = (slot && *slot) || at < rf->base_size;
		if (data == want_data)
			return (s64)at;
		if (!slot && at >= rf->base_size)
			at |= SZ_2M - 1;
	}
	return want_data ? -ENXIO : (s64)rf->size;
}

long ram_seek(struct file *f, s64 offset, int whence)
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
	WRITE_ONCE(f->pos, (u64)pos);
	return pos;
}
