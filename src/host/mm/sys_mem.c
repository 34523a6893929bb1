// SPDX-License-Identifier: MIT
/*
 * sys_mem.c - system calls for memory: mmap, munmap, mprotect, brk, mremap. vma.c does the work.
 */
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/mman.h>
#include <string.h>
#include "hv/bits.h"
#include "hv/host.h"
#include "file/file.h"
#include "hugetlb.h"
#include "platform/layout.h"
#include "page.h"
#include "lib/printk.h"
#include "proc/process.h"
#include "sched/smp.h"
#include "proc/syscall.h"
#include "uaccess.h"
#include "vma.h"

#define PROT_KNOWN (PROT_ALL | PROT_SEM | PROT_GROWSDOWN | PROT_GROWSUP)

/* The flags that MAP_SHARED_VALIDATE accepts, as on Linux; MAP_FIXED_NOREPLACE is not among them. */
#define MAP_KNOWN                                                                               \
	(MAP_TYPE | MAP_FIXED | MAP_GROWSDOWN | MAP_DENYWRITE | MAP_EXECUTABLE | MAP_LOCKED |   \
	 MAP_NORESERVE | MAP_POPULATE | MAP_NONBLOCK | MAP_STACK | MAP_HUGETLB | MAP_HUGE_2MB | \
	 MAP_HUGE_1GB)

/* ---- mmap ---- */

static int check_file(const struct vma_spec *spec)
{
	unsigned int mode = spec->file->flags & O_ACCMODE;

	if (spec->pgoff > ((unsigned long)INT64_MAX - spec->len) >> PAGE_SHIFT)
		return -EOVERFLOW;
	if (mode == O_WRONLY)
		return -EACCES;
	if ((spec->flags & VMA_SHARED) && (spec->prot & PROT_WRITE) && mode != O_RDWR)
		return -EACCES;
	if (!spec->file->ops->mmap_page && !spec->file->ops->kread)
		return -ENODEV;
	if ((spec->flags & VMA_SHARED) && !spec->file->ops->mmap_page)
		return -ENODEV;
	if (!spec->file->ops->mmap_check)
		return 0;
	return spec->file->ops->mmap_check(spec->file, spec->pgoff, spec->len / PAGE_SIZE,
					   spec->flags & VMA_SHARED, spec->prot & PROT_EXEC);
}

/*
 * Check the seals of a memfd. Called with mm->lock held until the area exists, because
 * memfd_add_seals() looks for areas after it has set the seals.
 */
static int check_seals(struct vma_spec *spec)
{
	if (!(spec->flags & VMA_SHARED) || !spec->file || !spec->file->ops->is_write_sealed ||
	    !spec->file->ops->is_write_sealed(spec->file))
		return 0;
	if (spec->prot & PROT_WRITE)
		return -EPERM;
	spec->flags |= VMA_SEALED;
	return 0;
}

/* Set spec->file, with a reference: fd's file, a new one for shared memory, or else NULL. */
static int get_file(struct vma_spec *spec, unsigned long flags, int fd)
{
	bool validate = (flags & MAP_TYPE) == MAP_SHARED_VALIDATE;
	int err;

	if (flags & MAP_ANONYMOUS) {
		if (validate)
			return -EINVAL;
		spec->pgoff = 0;
		if (!(spec->flags & VMA_SHARED))
			return 0;
		spec->file = shared_anon_file(spec->len, spec->flags & VMA_HUGETLB);
		return spec->file ? 0 : -ENOMEM;
	}
	spec->file = fd_get(fd);
	if (!spec->file)
		return -EBADF;
	err = validate && (flags & ~MAP_KNOWN) ? -EOPNOTSUPP : check_file(spec);
	if (err < 0)
		file_put(spec->file);
	return err;
}

static int spec_from_args(struct vma_spec *spec, const struct trap_frame *frame)
{
	unsigned long flags = frame->a3;
	unsigned long type = flags & MAP_TYPE;

	spec->addr = frame->a0;
	spec->len = ALIGN_UP(frame->a1, PAGE_SIZE);
	spec->prot = (unsigned int)frame->a2 & PROT_ALL;
	spec->pgoff = frame->a5 >> PAGE_SHIFT;
	spec->fixed = flags & (MAP_FIXED | MAP_FIXED_NOREPLACE);
	spec->noreplace = flags & MAP_FIXED_NOREPLACE;
	if (!frame->a1 || frame->a5 % PAGE_SIZE)
		return -EINVAL;
	if (frame->a1 > USER_END)
		return -ENOMEM;
	if (type != MAP_PRIVATE && type != MAP_SHARED && type != MAP_SHARED_VALIDATE)
		return -EINVAL;
	if (flags & MAP_HUGETLB) {
		if (!huge_page_size_ok(flags >> MAP_HUGE_SHIFT & MAP_HUGE_MASK))
			return -EINVAL;
		spec->flags |= VMA_HUGETLB;
		if (1UL << (flags >> MAP_HUGE_SHIFT & MAP_HUGE_MASK) == SZ_1G) {
			if (type != MAP_PRIVATE)
				return -ENOMEM; /* 1 GiB pages can't be shared */
			spec->flags |= VMA_GIANT;
		}
	}
	if (spec->fixed && spec->addr % PAGE_SIZE)
		return -EINVAL;
	if (spec->fixed && spec->addr > USER_END - spec->len)
		return -ENOMEM;
	spec->addr = ALIGN_DOWN(spec->addr, PAGE_SIZE);
	if (!spec->fixed && spec->addr > USER_END - spec->len)
		spec->addr = 0;
	if (type != MAP_PRIVATE)
		spec->flags |= VMA_SHARED;
	if (flags & (MAP_STACK | MAP_GROWSDOWN))
		spec->flags |= VMA_NO_HUGE;
	if (flags & MAP_GROWSDOWN)
		spec->flags |= VMA_STACK;
	if (flags & MAP_LOCKED)
		spec->flags |= VMA_LOCKED;
	if ((flags & MAP_LOCKED) && !mm_can_lock())
		return -EPERM;
	return 0;
}

long sys_mmap(struct trap_frame *frame)
{
	struct mm *mm = current_process->mm;
	struct vma_spec spec = { 0 };
	long ret = spec_from_args(&spec, frame);

	if (ret == 0)
		ret = get_file(&spec, frame->a3, (int)frame->a4);
	if (ret < 0)
		return ret;
	ret = huge_check_mapping(&spec, frame->a3 & MAP_NORESERVE);
	if (ret == 0) {
		mutex_lock(&mm->lock);
		spec.flags |= mm->new_flags;
		ret = check_seals(&spec);
		if (ret == 0)
			ret = mm_may_map(mm, &spec);
		if (ret == 0)
			ret = vma_map(mm, &spec);
		vma_unlock(mm);
	}
	if (spec.file)
		file_put(spec.file);
	if (ret >= 0 && ((frame->a3 & MAP_POPULATE) || (spec.flags & VMA_LOCKED)) && spec.prot)
		(void)mm_populate(mm, (unsigned long)ret, (unsigned long)ret + spec.len,
				  spec.prot & PROT_WRITE); /* as on Linux, errors are ignored */
	return ret;
}

long sys_munmap(struct trap_frame *frame)
{
	struct mm *mm = current_process->mm;
	unsigned long len = frame->a1;
	int err;

	if (!len || !page_range(frame->a0, &len))
		return -EINVAL;
	mutex_lock(&mm->lock);
	err = vma_unmap(mm, frame->a0, len);
	vma_unlock(mm);
	return err;
}

long sys_mprotect(struct trap_frame *frame)
{
	struct mm *mm = current_process->mm;
	unsigned long len = frame->a1;
	unsigned int prot = (unsigned int)frame->a2;
	int err;

	if (frame->a0 % PAGE_SIZE || (prot & ~(unsigned int)PROT_KNOWN))
		return -EINVAL;
	if (!len)
		return 0;
	if (!page_range(frame->a0, &len))
		return -ENOMEM;
	mutex_lock(&mm->lock);
	err = vma_protect(mm, frame->a0, len, prot & PROT_ALL);
	vma_unlock(mm);
	return err;
}

/* ---- brk ---- */

long sys_brk(struct trap_frame *frame)
{
	struct mm *mm = current_process->mm;
	unsigned long want = frame->a0, old_end, new_end;
	struct vma_spec spec = { .prot = PROT_READ | PROT_WRITE, .fixed = true, .noreplace = true };
	long ret = 0;

	mutex_lock(&mm->lock);
	old_end = ALIGN_UP(mm->brk, PAGE_SIZE);
	if (want >= mm->brk_start && want < mm->mmap_top) {
		new_end = ALIGN_UP(want, PAGE_SIZE);
		spec.addr = old_end;
		spec.len = new_end - old_end;
		spec.flags = mm->new_flags;
		if (new_end > old_end && (ret = mm_may_brk(mm, want)) == 0)
			ret = vma_map(mm, &spec);
		else if (new_end < old_end)
			ret = vma_unmap(mm, new_end, old_end - new_end);
		if (ret >= 0)
			mm->brk = want;
	}
	/*
	 * Return the old end on failure: programs compare it with the end that they requested. But
	 * if memory was missing, return -ENOMEM, so that syscall.c repeats the call.
	 */
	if (ret != -ENOMEM || !page_was_missed())
		ret = (long)mm->brk;
	vma_unlock(mm);
	return ret;
}

/* ---- mremap: shrink, grow in place, or move ---- */

/*
 * Move the leaves of the len bytes at `from` to the same offsets from `to`. Both ranges lie in
 * areas. -ENOMEM: some of the leaves may already have been moved.
 */
static int move_pages(struct mm *mm, unsigned long from, unsigned long to, unsigned long len)
{
	unsigned long va = from, at, size;
	pte_t *pte, *dest;

	mm_notify_start(mm, from, from + len);
	while ((pte = mm_next_leaf_within(mm, &va, from + len, &size)) != NULL) {
		at = to + (va - from);
		if (size == SZ_2M && !(IS_ALIGNED(at, SZ_2M) && pgtable_collapse_empty(mm, at))) {
			pte = pgtable_alloc(mm, va, SZ_4K);
			size = SZ_4K;
		}
		dest = pte ? pgtable_alloc(mm, at, size) : NULL;
		if (!dest) {
			mm_flush_tlb(mm, from, len);
			mm_notify_end(mm, from, from + len);
			return -ENOMEM;
		}
		BUG_ON(*dest); /* not mapped: a new area, or the old range when moving back */
		WRITE_ONCE(*dest, *pte);
		WRITE_ONCE(*pte, 0);
		va += size;
		mm_walked(mm, 2 * WALK_LEAF);
	}
	mm_flush_tlb(mm, from, len);
	mm_notify_end(mm, from, from + len);
	return 0;
}

#define SPARE_AREAS 4 /* vma_map() and the last vma_unmap() split at most two areas each */

static int spare_areas_alloc(struct mm *mm)
{
	unsigned int i;

	for (i = 0; i < SPARE_AREAS; i++) {
		struct vma *vma = kmalloc(sizeof(*vma));

		if (!vma)
			return -ENOMEM;
		list_add(&vma->link, &mm->spare_vmas);
	}
	return 0;
}

static void spare_areas_free(struct mm *mm)
{
	struct vma *vma, *n;

	list_for_each_entry_safe(vma, n, &mm->spare_vmas, link) {
		list_del(&vma->link);
		kfree(vma);
	}
}

/*
 * Allocate what the last vma_unmap() of mremap_move() may need, because it must not fail: split the
 * leaves at both ends of the range to be moved and at the end of the old range, and allocate areas
 * for the splits.
 */
static int mremap_prepare(struct mm *mm, unsigned long old, unsigned long len,
			  unsigned long old_len)
{
	if (mm_split_leaf_at(mm, old) < 0 || mm_split_leaf_at(mm, old + len) < 0 ||
	    mm_split_leaf_at(mm, old + old_len) < 0)
		return -ENOMEM;
	return spare_areas_alloc(mm);
}

/*
 * A failure leaves the old range as it was, so that the call can be repeated. The whole old range,
 * including any part beyond spec->len, is unmapped once the pages have been moved. Unmapping does
 * not fail, unless max_map_count is lowered meanwhile.
 */
static long mremap_move(struct mm *mm, const struct vma *vma, unsigned long old,
			unsigned long old_len, struct vma_spec *spec)
{
	unsigned long len = MIN(old_len, spec->len);
	long addr;
	int err;

	spec->prot = vma->prot;
	spec->flags = vma->flags;
	spec->file = vma->file;
	spec->pgoff = vma->pgoff + ((old - vma->start) >> PAGE_SHIFT);
	err = mremap_prepare(mm, old, len, old_len);
	if (err < 0)
		return err;
	addr = vma_map(mm, spec);
	if (addr < 0)
		return addr;
	/* Don't use vma from now on: vma_map() may have unmapped, split or merged it. */
	err = move_pages(mm, old, (unsigned long)addr, len);
	if (err < 0) { /* move the pages back; the tables for them still exist */
		move_pages(mm, (unsigned long)addr, old, len);
		(void)vma_unmap(mm, (unsigned long)addr, spec->len);
		return err;
	}
	(void)vma_unmap(mm, old, old_len);
	return addr;
}

static long mremap_locked(struct mm *mm, unsigned long old, unsigned long old_len,
			  unsigned long new_len, unsigned long flags, unsigned long new_addr)
{
	struct vma_spec spec = { .addr = new_addr };
	struct vma_spec grow = { .fixed = true, .noreplace = true };
	struct vma *vma = vma_find(mm, old);
	unsigned long size = vma ? vma_page_size(vma) : SZ_4K;
	int err;

	old_len = ALIGN_UP(old_len, size);
	spec.len = new_len = ALIGN_UP(new_len, size);
	if (!vma)
		return -EFAULT;
	/* An area of huge pages moves in whole huge pages and never grows, as on Linux. */
	if ((old | new_addr) % size || (size > SZ_4K && new_len > old_len))
		return -EINVAL;
	if (old_len > vma->end - old)
		return -EFAULT;
	err = mm_may_remap(mm, vma, old_len, new_len);
	if (err < 0)
		return err;
	if ((flags & MREMAP_FIXED) && !mm_may_have_areas(mm, AREAS_OF_MOVE))
		return -ENOMEM;
	if (flags & MREMAP_FIXED) {
		spec.fixed = true;
		return mremap_move(mm, vma, old, old_len, &spec);
	}
	if (new_len <= old_len) {
		err = vma_unmap(mm, old + new_len, old_len - new_len);
		return err < 0 ? err : (long)old;
	}
	grow.addr = old + old_len;
	grow.len = new_len - old_len;
	grow.prot = vma->prot;
	grow.flags = vma->flags;
	grow.file = vma->file;
	grow.pgoff = vma->pgoff + ((grow.addr - vma->start) >> PAGE_SHIFT);
	if (vma->end == grow.addr && grow.addr + grow.len <= mm->mmap_top &&
	    vma_map(mm, &grow) >= 0)
		return (long)old;
	if (!(flags & MREMAP_MAYMOVE) || !mm_may_have_areas(mm, AREAS_OF_MOVE))
		return -ENOMEM;
	spec.addr = 0;
	return mremap_move(mm, vma, old, old_len, &spec);
}

long sys_mremap(struct trap_frame *frame)
{
	struct mm *mm = current_process->mm;
	unsigned long old = frame->a0, old_len = frame->a1, new_len = frame->a2;
	unsigned long flags = frame->a3, new_addr = frame->a4;
	long ret;

	if (flags & ~(unsigned long)(MREMAP_MAYMOVE | MREMAP_FIXED))
		return -EINVAL;
	if ((flags & MREMAP_FIXED) && !(flags & MREMAP_MAYMOVE))
		return -EINVAL;
	if (!new_len || !old_len || !page_range(old, &old_len) || new_len > USER_END)
		return -EINVAL;
	new_len = ALIGN_UP(new_len, PAGE_SIZE);
	if ((flags & MREMAP_FIXED) && (new_addr % PAGE_SIZE || new_addr > USER_END - new_len ||
				       (new_addr < old + old_len && old < new_addr + new_len)))
		return -EINVAL;
	mutex_lock(&mm->lock);
	ret = mremap_locked(mm, old, old_len, new_len, flags, new_addr);
	spare_areas_free(mm);
	vma_unlock(mm);
	return ret;
}
