// SPDX-License-Identifier: MIT
/*
 * uffd_fill.c - answer userfaults: UFFDIO_COPY, UFFDIO_ZEROPAGE, UFFDIO_CONTINUE.
 *
 * A range is filled page by page. Pages filled before an error stay mapped, and their total size in
 * bytes is reported as the result. The program's bytes are copied before mm->lock is taken, because
 * a page fault during the copy takes mm->lock itself.
 */
#include <linux/errno.h>
#include <linux/userfaultfd.h>
#include <string.h>
#include "hv/bits.h"
#include "file/file.h"
#include "hugetlb.h"
#include "page.h"
#include "proc/process.h"
#include "sched/thread.h"
#include "uaccess.h"
#include "userfaultfd.h"
#include "vma.h"

/* A range, and the source of its new contents. */
struct fill {
	struct uffd *uffd;
	unsigned long start, len;
	unsigned long size; /* page size: 4 KiB, or 2 MiB for huge pages */
	unsigned long src;  /* FILL_COPY: address of the program's bytes */
	enum {
		FILL_COPY,
		FILL_ZERO,
		FILL_CONTINUE
	} kind;
};

static void put_pages(hpa_t pa, unsigned long size)
{
	mm_put_leaf_pages(pte_make(pa, 0), size);
}

/* Map a new page at va, and insert it into the area's file, if any. Takes over pa on success. */
static int fill_new(struct mm *mm, const struct vma *vma, unsigned long va, hpa_t pa)
{
	u64 index = vma->pgoff + ((va - vma->start) >> PAGE_SHIFT);
	unsigned long size = vma_page_size(vma);
	int err;

	if (vma->file) {
		err = vma->file->ops->insert_page(vma->file, index, pa);
		if (err < 0)
			return err;
		mm_get_leaf_pages(pte_make(pa, 0), size); /* for the leaf: the file took over pa */
	}
	err = mm_install_page(mm, vma, va, pa);
	if (err < 0 && vma->file) {
		put_pages(pa, size); /* the file keeps the page; a fault will map it */
		return 0;
	}
	return err;
}

/* Map the page that the file already has. */
static int fill_known(struct mm *mm, const struct vma *vma, unsigned long va)
{
	u64 index = vma->pgoff + ((va - vma->start) >> PAGE_SHIFT);
	hpa_t pa;
	int err;

	if (!vma->file || !(vma->flags & VMA_UFFD_MINOR))
		return -EINVAL;
	if (!vma->file->ops->has_page(vma->file, index))
		return -EFAULT;
	err = vma->flags & VMA_HUGETLB ? vma->file->ops->mmap_block(vma->file, index, &pa)
				       : vma->file->ops->mmap_page(vma->file, index, true, &pa);
	if (err < 0)
		return err == -ENOMEM ? err : -EFAULT;
	err = mm_install_page(mm, vma, va, pa);
	if (err < 0)
		put_pages(pa, vma_page_size(vma));
	return err;
}

/* Fill the page at va with frame pa (FILL_CONTINUE: with the file's page). mm->lock is held. */
static int fill_locked(const struct fill *fill, struct mm *mm, unsigned long va, hpa_t pa)
{
	struct vma *vma = vma_find(mm, va);
	unsigned long size;
	int err;

	/*
	 * One registered area must contain the whole range. It may be registered with another uffd.
	 */
	if (!vma || !vma->uffd || vma->start > fill->start || vma->end < fill->start + fill->len)
		return -ENOENT;
	if (vma_page_size(vma) != fill->size ||
	    (fill->kind == FILL_ZERO && fill->size != PAGE_SIZE))
		return -EINVAL;
	if (pgtable_find(mm, va, &size))
		return -EEXIST;
	peek_stop(mm); /* until all vCPUs have executed a fence.i */
	err = fill->kind == FILL_CONTINUE ? fill_known(mm, vma, va) : fill_new(mm, vma, va, pa);
	if (!err && fill->kind != FILL_ZERO)
		mm_notify_moved(mm, va, va + fill->size); /* the new bytes may be guest code */
	peek_resume(mm);
	return err;
}

static int fill_page(const struct fill *fill, unsigned long va)
{
	struct mm *mm = uffd_mm(fill->uffd);
	hpa_t pa = 0;
	int err = 0;

	if (fill->kind != FILL_CONTINUE) {
		pa = fill->size == SZ_2M ? huge_page_alloc() : page_alloc_user_zeroed(0);
		if (!pa)
			return -ENOMEM;
	}
	if (fill->kind == FILL_COPY)
		err = copy_from_user(pa_to_va(pa), fill->src + (va - fill->start), fill->size);
	if (!err) {
		mutex_lock(&mm->lock);
		err = fill_locked(fill, mm, va, pa);
		mutex_unlock(&mm->lock);
	}
	if (err < 0 && pa)
		put_pages(pa, fill->size);
	return err;
}

/*
 * Returns the number of bytes filled, or the error of the first page if it cannot be filled. If
 * `wake` is true, also wakes the faults in the filled range.
 */
static long fill_range(const struct fill *fill, bool wake)
{
	unsigned long done = 0;
	int err = 0;

	while (done < fill->len && !err) {
		err = READ_ONCE(current->sig.kill) ? -EINTR : fill_page(fill, fill->start + done);
		if (!err)
			done += fill->size;
		if (done % (64 * PAGE_SIZE) == 0)
			irq_window();
	}
	if (done && wake)
		uffd_wake(fill->uffd, fill->start, done);
	return done ? (long)done : err;
}

/* Return the page size at va (4 KiB if no area is there); 0: the address space was torn down. */
static unsigned long page_size_at(struct mm *mm, unsigned long va)
{
	struct vma *vma;
	unsigned long size;

	mutex_lock(&mm->lock);
	vma = vma_find(mm, va);
	size = vma ? vma_page_size(vma) : list_empty(&mm->vmas) ? 0 : PAGE_SIZE;
	mutex_unlock(&mm->lock);
	return size;
}

/*
 * Fill the range, and store the number of bytes filled, or -errno, at user address `result`: the
 * last field of the program's struct. Returns 0 if the whole range was filled, -EAGAIN if only a
 * part was, otherwise -errno.
 */
static long answer(struct fill *fill, bool wake, unsigned long result)
{
	long done;

	if (!uffd_range_valid(fill->start, fill->len))
		return -EINVAL;
	fill->size = page_size_at(uffd_mm(fill->uffd), fill->start);
	if (!fill->size)
		return -ESRCH;
	if (!IS_ALIGNED(fill->start | fill->len, fill->size))
		return -EINVAL;
	/* An area with pages of 1 GiB cannot be registered; fill_page() could not allocate one. */
	done = fill->size > SZ_2M ? -ENOENT : fill_range(fill, wake);
	if (put_user(done, result) < 0)
		return -EFAULT;
	if (done < 0)
		return done;
	return (unsigned long)done == fill->len ? 0 : -EAGAIN;
}

long uffd_copy(struct uffd *uffd, unsigned long arg)
{
	struct uffdio_copy copy;
	struct fill fill = { .uffd = uffd, .kind = FILL_COPY };

	if (copy_from_user(&copy, arg, sizeof(copy) - sizeof(copy.copy)) < 0)
		return -EFAULT;
	if ((copy.mode & ~(u64)UFFDIO_COPY_MODE_DONTWAKE) || copy.src + copy.len < copy.src)
		return -EINVAL;
	fill.start = copy.dst;
	fill.len = copy.len;
	fill.src = copy.src;
	return answer(&fill, !copy.mode, arg + __builtin_offsetof(struct uffdio_copy, copy));
}

long uffd_zeropage(struct uffd *uffd, unsigned long arg)
{
	struct uffdio_zeropage zero;
	struct fill fill = { .uffd = uffd, .kind = FILL_ZERO };

	if (copy_from_user(&zero, arg, sizeof(zero) - sizeof(zero.zeropage)) < 0)
		return -EFAULT;
	if (zero.mode & ~(u64)UFFDIO_ZEROPAGE_MODE_DONTWAKE)
		return -EINVAL;
	fill.start = zero.range.start;
	fill.len = zero.range.len;
	return answer(&fill, !zero.mode,
		      arg + __builtin_offsetof(struct uffdio_zeropage, zeropage));
}

long uffd_continue(struct uffd *uffd, unsigned long arg)
{
	struct uffdio_continue cont;
	struct fill fill = { .uffd = uffd, .kind = FILL_CONTINUE };

	if (copy_from_user(&cont, arg, sizeof(cont) - sizeof(cont.mapped)) < 0)
		return -EFAULT;
	if (cont.mode & ~(u64)UFFDIO_CONTINUE_MODE_DONTWAKE)
		return -EINVAL;
	fill.start = cont.range.start;
	fill.len = cont.range.len;
	return answer(&fill, !cont.mode, arg + __builtin_offsetof(struct uffdio_continue, mapped));
}
