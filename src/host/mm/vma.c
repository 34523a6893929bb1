// SPDX-License-Identifier: MIT
/*
 * vma.c - the areas of an address space: a list sorted by address.
 *
 * Invariant: areas do not overlap, and no 2M leaf crosses the boundary of an area
 * (mm_next_leaf_within() checks this): to split an area, split the leaf first. An area of huge
 * pages consists of whole huge pages, in memory and in its file (is_whole()), so it is never split
 * within a leaf. To change a range, first do everything that can fail, then change its areas and
 * its pages: call mm_notify_start() before the pages change; afterwards fence, and call
 * mm_notify_end(). Files of removed areas are put by vma_unlock(), only after mm->lock is released:
 * dropping the last reference to a vCPU may free a VM, and that takes mm->lock. Locks: mm->lock.
 */
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/mman.h>
#include "hv/bits.h"
#include "file/file.h"
#include "platform/layout.h"
#include "page.h"
#include "lib/printk.h"
#include "sched/thread.h"
#include "userfaultfd.h"
#include "vma.h"

#define LOWEST_ADDR 0x10000UL /* areas that are not `fixed` (struct vma_spec) start here or above */
#define FREED_PIECE 64        /* areas that vma_unlock() frees between two calls to irq_window() */

struct vma *vma_next(struct mm *mm, unsigned long addr)
{
	struct vma *vma;

	for_each_vma(vma, mm)
		if (vma->end > addr)
			return vma;
	return NULL;
}

struct vma *vma_find(struct mm *mm, unsigned long addr)
{
	struct vma *vma = mm->found;

	if (vma && vma->start <= addr && addr < vma->end)
		return vma;
	vma = vma_next(mm, addr);
	if (!vma || vma->start > addr)
		return NULL;
	mm->found = vma;
	return vma;
}

bool vma_is_read_only(const struct vma *vma)
{
	return (vma->flags & VMA_SEALED) || (vma->file->flags & O_ACCMODE) == O_RDONLY;
}

bool vma_range_mapped(struct mm *mm, unsigned long start, unsigned long end)
{
	struct vma *vma;

	if (start == end)
		return true;
	for_each_vma(vma, mm) {
		if (vma->end <= start)
			continue;
		if (vma->start > start)
			return false;
		if (vma->end >= end)
			return true;
		start = vma->end;
	}
	return start >= end;
}

static void vma_insert(struct mm *mm, struct vma *vma)
{
	struct vma *next = vma_next(mm, vma->start);

	list_add_tail(&vma->link, next ? &next->link : &mm->vmas);
	mm->nr_areas++;
}

/* Remove the area from the list; vma_unlock() frees it. */
static void vma_free_later(struct mm *mm, struct vma *vma)
{
	list_del(&vma->link);
	list_add_tail(&vma->link, &mm->dead_vmas);
	mm->nr_areas--;
	if (mm->found == vma)
		mm->found = NULL;
}

/* Allocate a struct for the upper part of an area that is split. NULL: no memory. */
static struct vma *alloc_upper(struct mm *mm)
{
	struct vma *vma;

	if (list_empty(&mm->spare_vmas))
		return kmalloc(sizeof(*vma));
	vma = list_first_entry(&mm->spare_vmas, struct vma, link);
	list_del(&vma->link);
	return vma;
}

/*
 * Split the area that contains addr, if any, at addr. Returns 0, -ENOMEM or -EINVAL; on an error,
 * no area has changed.
 */
static int vma_split_at(struct mm *mm, unsigned long addr)
{
	struct vma *vma = vma_find(mm, addr);
	struct vma *upper;

	if (!vma || vma->start == addr)
		return 0;
	if (addr % vma_page_size(vma))
		return -EINVAL;
	if (mm_split_leaf_at(mm, addr) < 0)
		return -ENOMEM;
	upper = alloc_upper(mm);
	if (!upper)
		return -ENOMEM;
	*upper = *vma;
	upper->start = addr;
	upper->pgoff += (addr - vma->start) >> PAGE_SHIFT;
	if (upper->file)
		file_get(upper->file);
	uffd_get(upper->uffd);
	vma->end = addr;
	list_add(&upper->link, &vma->link);
	mm->nr_areas++;
	return 0;
}

static int vma_split_range(struct mm *mm, unsigned long start, unsigned long end)
{
	int err = vma_split_at(mm, start);

	return err < 0 ? err : vma_split_at(mm, end);
}

static bool is_inside(struct mm *mm, unsigned long addr)
{
	struct vma *vma = vma_find(mm, addr);

	return vma && vma->start < addr;
}

/*
 * Split the areas at both ends of the range and keep all parts. Check the limit of areas first, but
 * only for one more area: two splits may exceed it by one.
 */
static int vma_split_and_keep(struct mm *mm, unsigned long start, unsigned long end)
{
	if (!mm_may_have_areas(mm, 1) && (is_inside(mm, start) || is_inside(mm, end)))
		return -ENOMEM;
	return vma_split_range(mm, start, end);
}

static bool can_merge(const struct vma *low, const struct vma *high)
{
	if (low->end != high->start || low->prot != high->prot || low->flags != high->flags ||
	    low->file != high->file || low->uffd != high->uffd)
		return false;
	return !low->file || low->pgoff + ((low->end - low->start) >> PAGE_SHIFT) == high->pgoff;
}

/*
 * Join areas around [start, end] where possible: otherwise, each mprotect() would leave pieces
 * behind.
 */
static void vma_merge(struct mm *mm, unsigned long start, unsigned long end)
{
	struct vma *vma = vma_next(mm, start ? start - 1 : 0), *next;

	for (; vma && vma->start <= end && vma->link.next != &mm->vmas; vma = next) {
		next = list_entry(vma->link.next, struct vma, link);
		if (can_merge(vma, next)) {
			next->start = vma->start;
			next->pgoff = vma->pgoff;
			vma_free_later(mm, vma);
		}
		mm_walked(mm, WALK_LEAF);
	}
}

void vma_unlock(struct mm *mm)
{
	struct list_head dead;
	unsigned int freed = 0;
	struct vma *vma, *n;

	list_init(&dead);
	list_splice_tail(&mm->dead_vmas, &dead);
	mutex_unlock(&mm->lock);
	list_for_each_entry_safe(vma, n, &dead, link) {
		if (vma->file)
			file_put(vma->file);
		uffd_put(vma->uffd);
		kfree(vma);
		if (++freed % FREED_PIECE == 0)
			irq_window();
	}
}

int vma_unmap(struct mm *mm, unsigned long start, unsigned long len)
{
	unsigned long end = start + len;
	struct vma *vma = vma_next(mm, start), *next;
	int err;

	if (!len || !vma || vma->start >= end)
		return 0;
	/* A hole in the middle of an area creates one more area. */
	if (vma->start < start && vma->end > end && !mm_may_have_areas(mm, 1))
		return -ENOMEM;
	err = vma_split_range(mm, start, end);
	if (err < 0)
		return err;
	mm_notify_start(mm, start, end);
	mm_zap(mm, start, end);
	mm_notify_end(mm, start, end);
	for (vma = vma_next(mm, start); vma && vma->start < end; vma = next) {
		next = vma->link.next == &mm->vmas ? NULL
						   : list_entry(vma->link.next, struct vma, link);
		vma_free_later(mm, vma);
		mm_walked(mm, WALK_LEAF);
	}
	mm_free_tables(mm, start, end);
	return 0;
}

/* Would an area at addr consist of whole pages of its page size, in memory and in its file? */
static bool is_whole(const struct vma_spec *spec, unsigned long addr)
{
	unsigned long offset = spec->file ? spec->pgoff << PAGE_SHIFT : 0;

	return IS_ALIGNED(addr | spec->len | offset, vma_flags_page_size(spec->flags));
}

/*
 * Return where to place an area so that it ends at or below `top`: an area of huge pages, at a
 * multiple of its page size; another area of at least 2 MiB, unless it has VMA_NO_HUGE, where 2M
 * leaves fit: address and file offset are equal modulo 2M.
 */
static unsigned long place_below(const struct vma_spec *spec, unsigned long top)
{
	unsigned long addr = top - spec->len;
	unsigned long want;

	if (spec->flags & VMA_HUGETLB)
		return ALIGN_DOWN(addr, vma_flags_page_size(spec->flags));
	if (spec->len < SZ_2M || (spec->flags & VMA_NO_HUGE))
		return addr;
	want = (spec->pgoff << PAGE_SHIFT) & (SZ_2M - 1);
	return addr - ((addr - want) & (SZ_2M - 1));
}

/*
 * Return an address in the highest gap below mmap_top that is large enough for the area; 0: there
 * is none.
 */
static unsigned long find_gap(struct mm *mm, const struct vma_spec *spec)
{
	unsigned long top = mm->mmap_top, bottom, addr;
	struct list_head *pos = mm->vmas.prev;
	unsigned int visited = 0;

	for (;;) {
		bottom = pos == &mm->vmas ? LOWEST_ADDR : list_entry(pos, struct vma, link)->end;
		if (bottom < top && top - bottom >= spec->len) {
			addr = place_below(spec, top);
			if (addr >= bottom && addr < top)
				return addr;
		}
		if (pos == &mm->vmas)
			return 0;
		top = MIN(top, list_entry(pos, struct vma, link)->start);
		pos = pos->prev;
		vma_visited(mm, &visited);
	}
}

static long choose_addr(struct mm *mm, const struct vma_spec *spec)
{
	unsigned long addr = spec->addr;
	struct vma *next = vma_next(mm, addr);
	bool is_free = !next || next->start >= addr + spec->len;
	int err;

	if (spec->fixed) {
		if (spec->noreplace && !is_free)
			return -EEXIST;
		err = vma_unmap(mm, addr, spec->len);
		return err < 0 ? err : (long)addr;
	}
	if (addr >= LOWEST_ADDR && addr + spec->len <= mm->mmap_top && is_free &&
	    is_whole(spec, addr))
		return (long)addr;
	addr = find_gap(mm, spec);
	return addr ? (long)addr : -ENOMEM;
}

long vma_map(struct mm *mm, const struct vma_spec *spec)
{
	struct vma *vma;
	long addr;

	if (!spec->len || spec->len > USER_END || spec->addr > USER_END - spec->len)
		return -ENOMEM;
	if (!is_whole(spec, spec->fixed ? spec->addr : 0))
		return -EINVAL;
	vma = kmalloc(sizeof(*vma));
	if (!vma)
		return -ENOMEM;
	addr = choose_addr(mm, spec);
	if (addr < 0) {
		kfree(vma);
		return addr;
	}
	BUG_ON(!is_whole(spec, (unsigned long)addr));
	vma->start = (unsigned long)addr;
	vma->end = vma->start + spec->len;
	vma->prot = spec->prot;
	vma->flags = spec->flags & ~VMA_UFFD; /* mremap() ends the registration */
	vma->file = spec->file;
	vma->pgoff = spec->file ? spec->pgoff : 0;
	if (vma->file)
		file_get(vma->file);
	vma_insert(mm, vma);
	vma_merge(mm, vma->start, vma->end);
	return addr;
}

static bool may_protect(struct mm *mm, unsigned long start, unsigned long end, unsigned int prot)
{
	struct vma *vma;

	if (!(prot & PROT_WRITE))
		return true;
	for_each_vma(vma, mm)
		if (vma->end > start && vma->start < end && (vma->flags & VMA_SHARED) &&
		    vma->file && vma_is_read_only(vma))
			return false;
	return true;
}

/*
 * Never add W here: the page may be shared with another process or a file, and only mm_fault()
 * checks whether it is.
 */
static void protect_pages(struct mm *mm, unsigned long start, unsigned long end, unsigned int prot)
{
	unsigned long va = start, size;
	bool changed = false;
	pte_t *pte, next;

	while ((pte = mm_next_leaf_within(mm, &va, end, &size)) != NULL) {
		next = (*pte & PTE_PPN) | vma_pte_flags(prot);
		if (!(*pte & PTE_W))
			next &= ~PTE_W;
		if (next != *pte)
			changed = true;
		WRITE_ONCE(*pte, next);
		va += size;
	}
	if (changed)
		mm_flush_tlb(mm, start, end - start);
}

int vma_protect(struct mm *mm, unsigned long start, unsigned long len, unsigned int prot)
{
	unsigned long end = start + len;
	struct vma *vma;
	int err;

	if (!vma_range_mapped(mm, start, end))
		return -ENOMEM;
	if (!may_protect(mm, start, end, prot))
		return -EACCES;
	if ((prot & PROT_WRITE) && !mm_may_make_writable(mm, start, end))
		return -ENOMEM;
	err = vma_split_and_keep(mm, start, end);
	if (err < 0)
		return err;
	mm_notify_start(mm, start, end);
	for_each_vma(vma, mm)
		if (vma->start >= start && vma->end <= end)
			vma->prot = prot;
	protect_pages(mm, start, end, prot);
	/* install() does not execute fence.i for pages that were mapped without PROT_EXEC. */
	if (prot & PROT_EXEC)
		mm_sync_icache(mm);
	mm_notify_end(mm, start, end);
	vma_merge(mm, start, end);
	return 0;
}

int vma_set_flags(struct mm *mm, unsigned long start, unsigned long end, unsigned int set,
		  unsigned int clear)
{
	struct vma *vma;
	int err;

	err = vma_split_and_keep(mm, start, end);
	if (err < 0)
		return err;
	for_each_vma(vma, mm)
		if (vma->start >= start && vma->end <= end)
			vma->flags = (vma->flags | set) & ~clear;
	vma_merge(mm, start, end);
	return 0;
}

int vma_set_uffd(struct mm *mm, unsigned long start, unsigned long end, struct uffd *uffd,
		 unsigned int mode)
{
	struct vma *vma;
	int err;

	err = vma_split_and_keep(mm, start, end);
	if (err < 0)
		return err;
	for_each_vma(vma, mm) {
		if (vma->start < start || vma->end > end)
			continue;
		uffd_get(uffd);
		uffd_put(vma->uffd);
		vma->uffd = uffd;
		vma->flags = (vma->flags & ~VMA_UFFD) | mode;
	}
	vma_merge(mm, start, end);
	return 0;
}

void vma_forget_uffd(struct mm *mm, const struct uffd *uffd)
{
	struct vma *vma;

	for_each_vma(vma, mm)
		if (vma->uffd == uffd) {
			uffd_put(vma->uffd);
			vma->uffd = NULL;
			vma->flags &= ~VMA_UFFD;
		}
}

void vma_free_all(struct mm *mm)
{
	mm_zap(mm, 0, USER_END);
	list_splice_tail(&mm->vmas, &mm->dead_vmas);
	mm->nr_areas = 0;
	mm->found = NULL;
}
