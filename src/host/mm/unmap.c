// SPDX-License-Identifier: MIT
/*
 * unmap.c - unmap pages that were removed from a file, in the shared mappings of all processes.
 *
 * The file drops its pages first, so a fault before the unmapping can't map them again. Locks: one
 * mm->lock at a time; no lock of the file is held.
 */
#include "fs/ramfs.h"
#include "vma.h"

/* mm->lock is held. */
static void unmap_in_area(struct mm *mm, const struct vma *vma, u64 from, u64 to)
{
	u64 pages = (vma->end - vma->start) / PAGE_SIZE, first, last;
	unsigned long start, end;

	if (to <= vma->pgoff || from >= vma->pgoff + pages)
		return;
	first = from > vma->pgoff ? from - vma->pgoff : 0;
	last = MIN(to - vma->pgoff, pages);
	start = vma->start + first * PAGE_SIZE;
	end = vma->start + last * PAGE_SIZE;
	/* Without memory to split a 2M leaf, unmap all of it. Faults map the rest again. */
	if (mm_split_leaf_at(mm, start) < 0)
		start = ALIGN_DOWN(start, SZ_2M);
	if (mm_split_leaf_at(mm, end) < 0)
		end = ALIGN_UP(end, SZ_2M);
	mm_notify_start(mm, start, end);
	mm_zap(mm, start, end);
	mm_notify_end(mm, start, end);
}

void file_unmap_pages(const struct ram_file *rf, u64 from, u64 to)
{
	struct vma *vma;
	struct mm *mm;

	for (mm = mm_next(NULL); mm; mm = mm_next(mm)) {
		mutex_lock(&mm->lock);
		list_for_each_entry(vma, &mm->vmas, link)
			if ((vma->flags & VMA_SHARED) && vma->file && vma->file->inode &&
			    vma->file->inode->data == rf)
				unmap_in_area(mm, vma, from, to);
		vma_unlock(mm);
	}
}
