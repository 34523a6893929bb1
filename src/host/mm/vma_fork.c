// SPDX-License-Identifier: MIT
/*
 * vma_fork.c - copy an address space for fork(): the areas, then the pages of private areas.
 *
 * Locks: mm->lock of both address spaces, in mm_copy().
 */
#include <linux/errno.h>
#include <string.h>
#include "file/file.h"
#include "hv/host.h"
#include "lib/printk.h"
#include "page.h"
#include "vma.h"

#define AREA_STEPS 64 /* the cost of copying an area, in the units of WALK_PIECE */

/*
 * Is a page of the private leaf pinned? A leaf of a page that another address space or a file uses
 * is not writable, so each other reference to the pages of a writable leaf is a pin (a transfer of a
 * disk, or an access of the kernel). A pinned page whose leaf has lost W (mprotect()) is not recognized.
 */
static bool is_pinned(pte_t pte, unsigned long size)
{
	return (pte & PTE_W) && !mm_leaf_is_unshared(pte, size);
}

/* Return a page with the same contents, or 0. Huge pages of 1 GiB can only be copied as a whole. */
static hpa_t copy_page(const struct vma *vma, hpa_t pa, unsigned long size)
{
	hpa_t copy;

	if (size == SZ_2M)
		return vma->flags & VMA_GIANT ? 0 : mm_fault_huge_page(pa);
	copy = page_alloc_user(0);
	if (copy)
		memcpy(pa_to_va(copy), pa_to_va(pa), PAGE_SIZE);
	return copy;
}

/*
 * Store the child's leaf. Pages that are not pinned are shared, and both address spaces lose write
 * permission. A pinned page stays the parent's, and the child gets a copy: if both shared it, the
 * parent's next store would move the parent to a copy, which lacks what the disk writes to the page
 * afterwards.
 */
static int copy_leaf(pte_t *copy, pte_t *pte, const struct vma *vma, unsigned long size,
		     bool pinned)
{
	hpa_t pa;

	if (!pinned) {
		mm_get_leaf_pages(*pte, size);
		WRITE_ONCE(*pte, *pte & ~PTE_W);
		WRITE_ONCE(*copy, *pte);
		return 0;
	}
	pa = copy_page(vma, pte_to_hpa(*pte), size);
	if (!pa)
		return -ENOMEM;
	pte_publish(copy, pte_make(pa, *pte & ~PTE_PPN));
	return 0;
}

/* Copy the leaves of a private area to `to`. */
static int copy_pages(struct mm *to, struct mm *from, const struct vma *vma)
{
	unsigned long va = vma->start, size;
	pte_t *pte, *copy;
	bool pinned;

	while ((pte = mm_next_leaf_within(from, &va, vma->end, &size)) != NULL) {
		pinned = is_pinned(*pte, size);
		/* Split a leaf of ordinary pages, so that only the pinned ones are copied. */
		if (pinned && size == SZ_2M && !(vma->flags & VMA_HUGETLB)) {
			if (!pgtable_alloc(from, va, SZ_4K))
				return -ENOMEM;
			continue;
		}
		copy = pgtable_alloc(to, va, size);
		if (!copy || copy_leaf(copy, pte, vma, size, pinned))
			return -ENOMEM;
		WRITE_ONCE(to->total_pages, to->total_pages + mm_leaf_pages(*pte, size));
		va += size;
		mm_walked(from, (unsigned int)(size / SZ_4K) * 8 + WALK_LEAF);
	}
	return 0;
}

static int copy_area(struct mm *to, const struct vma *vma)
{
	struct vma *copy = kmalloc(sizeof(*copy));

	if (!copy)
		return -ENOMEM;
	*copy = *vma;
	if (copy->file)
		file_get(copy->file);
	copy->uffd = NULL;
	copy->flags &= ~(unsigned int)(VMA_UFFD | VMA_LOCKED); /* locks are not inherited */
	list_add_tail(&copy->link, &to->vmas);
	to->nr_areas++;
	return 0;
}

static bool shares_pages(const struct vma *vma)
{
	return !(vma->flags & (VMA_SHARED | VMA_WIPEFORK | VMA_DONTFORK));
}

static int copy_areas(struct mm *to, struct mm *from, struct mm_ranges *ranges)
{
	bool apart = true;
	struct vma *vma;
	int err;

	list_for_each_entry(vma, &from->vmas, link) {
		if (shares_pages(vma))
			mm_ranges_add(ranges, vma->start, vma->end, apart);
		apart = !shares_pages(vma);
		err = vma->flags & VMA_DONTFORK ? 0 : copy_area(to, vma);
		if (err)
			return err;
		mm_walked(from, AREA_STEPS);
	}
	return 0;
}

/* Copy the pages of the areas from *next up to the end of the range. */
static int copy_range(struct mm *to, struct mm *from, struct vma **next,
		      const struct mm_range *range)
{
	struct vma *vma = *next;
	int err = 0;

	mm_notify_start(from, range->start, range->end);
	while (!err && &vma->link != &from->vmas && vma->start < range->end) {
		if (shares_pages(vma))
			err = copy_pages(to, from, vma);
		vma = list_entry(vma->link.next, struct vma, link);
		mm_walked(from, WALK_LEAF);
	}
	mm_flush_tlb(from, range->start, range->end - range->start);
	mm_notify_end(from, range->start, range->end);
	*next = vma;
	return err;
}

int vma_copy_all(struct mm *to, struct mm *from)
{
	struct mm_ranges ranges = { .nr = 0 };
	struct vma *next = list_first_entry(&from->vmas, struct vma, link);
	unsigned int i;
	int err;

	BUG_ON(!mutex_is_mine(&to->lock) || !mutex_is_mine(&from->lock));
	err = copy_areas(to, from, &ranges);
	for (i = 0; i < ranges.nr && !err; i++)
		err = copy_range(to, from, &next, &ranges.range[i]);
	return err;
}
