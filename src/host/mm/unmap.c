// SPDX-License-Identifier: MIT
/*
 * unmap.c - a file's shared mappings in all processes: unmap pages that were removed from the file,
 * and find a mapping through which the file can be written.
 *
 * The file drops its pages first, so a fault before the unmapping can't map them again. Locks: one
 * mm->lock at a time; no lock of the file is held.
 */
#include "fs/ramfs.h"
#include "vma.h"

struct file_pages {
	const struct ram_file *rf;
	u64 from, to;
};

static bool maps_file(const struct vma *vma, const struct ram_file *rf)
{
	return (vma->flags & VMA_SHARED) && vma->file && vma->file->inode &&
	       vma->file->inode->data == rf;
}

/*
 * Find the part of the area that maps these pages of the file, and let no 2M leaf cross its ends.
 * Returns false if there is none. mm->lock is held.
 */
static bool find_part(struct mm *mm, const struct vma *vma, const struct file_pages *pages,
		      struct mm_range *part)
{
	u64 size = (vma->end - vma->start) / PAGE_SIZE, first, last;

	if (!maps_file(vma, pages->rf))
		return false;
	if (pages->to <= vma->pgoff || pages->from >= vma->pgoff + size)
		return false;
	first = pages->from > vma->pgoff ? pages->from - vma->pgoff : 0;
	last = MIN(pages->to - vma->pgoff, size);
	part->start = vma->start + first * PAGE_SIZE;
	part->end = vma->start + last * PAGE_SIZE;
	/* Without memory to split a 2M leaf, unmap all of it. Faults map the rest again. */
	if (mm_split_leaf_at(mm, part->start) < 0)
		part->start = ALIGN_DOWN(part->start, SZ_2M);
	if (mm_split_leaf_at(mm, part->end) < 0)
		part->end = ALIGN_UP(part->end, SZ_2M);
	return true;
}

/*
 * find_part() may find a smaller part the second time, if it can split a leaf that it could not
 * split before.
 */
static void unmap_in(struct mm *mm, const struct file_pages *pages)
{
	struct mm_ranges ranges = { .nr = 0 };
	struct mm_range part;
	struct vma *vma;
	unsigned int i;

	for_each_vma(vma, mm)
		if (find_part(mm, vma, pages, &part))
			mm_ranges_add(&ranges, part.start, part.end, true);
	for (i = 0; i < ranges.nr; i++)
		mm_notify_start(mm, ranges.range[i].start, ranges.range[i].end);
	for_each_vma(vma, mm) {
		if (ranges.nr && find_part(mm, vma, pages, &part))
			mm_zap(mm, part.start, part.end);
	}
	for (i = 0; i < ranges.nr; i++)
		mm_notify_end(mm, ranges.range[i].start, ranges.range[i].end);
}

void file_unmap_pages(const struct ram_file *rf, u64 from, u64 to)
{
	struct file_pages pages = { rf, from, to };
	struct mm *mm;

	for (mm = mm_next(NULL); mm; mm = mm_next(mm)) {
		mutex_lock(&mm->lock);
		unmap_in(mm, &pages);
		vma_unlock(mm);
	}
}

/*
 * An area that is mapped read-only counts as well, unless mprotect() could not add PROT_WRITE. A
 * child's address space follows its parent's in the list, so an area that fork() copies meanwhile
 * is found in one of them.
 */
static bool maps_writable(const struct vma *vma, const struct ram_file *rf)
{
	return maps_file(vma, rf) && !vma_is_read_only(vma);
}

static bool has_writable(struct mm *mm, const struct ram_file *rf)
{
	struct vma *vma;

	for_each_vma(vma, mm)
		if (maps_writable(vma, rf))
			return true;
	return false;
}

bool file_is_mapped_writable(const struct ram_file *rf)
{
	bool found = false;
	struct mm *mm;

	for (mm = mm_next(NULL); mm; mm = mm_next(mm)) {
		mutex_lock(&mm->lock);
		found |= has_writable(mm, rf);
		vma_unlock(mm);
	}
	return found;
}
