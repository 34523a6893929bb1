// SPDX-License-Identifier: MIT
/*
 * sys_madvise.c - system calls for the pages of existing areas: madvise, mlock, msync, mincore.
 */
#include <linux/errno.h>
#include <linux/mman.h>
#include "hv/bits.h"
#include "page.h"
#include "proc/oom.h"
#include "proc/process.h"
#include "proc/syscall.h"
#include "sched/thread.h"
#include "uaccess.h"
#include "userfaultfd.h"
#include "vma.h"

/* ---- populating ---- */

/*
 * Fault in the page at va, and set *size to the size of its leaf. Returns 0, one of the errors of
 * mm_populate(), or -EAGAIN: call again with the same fault.
 */
static int populate_page(struct mm *mm, unsigned long va, struct mm_fault *fault,
			 unsigned long *size)
{
	int err;

	*size = SZ_4K;
	if (!fault->page)
		mm_fault_begin(fault);
	mutex_lock(&mm->lock);
	err = mm_fault_locked(mm, va, fault);
	if (err == 0)
		pgtable_find(mm, va, size);
	mutex_unlock(&mm->lock);
	if (err == -EAGAIN)
		return mm_fault_continue(fault) == 0 ? -EAGAIN : -EFAULT;
	if (err == -ENOMEM) {
		mm_fault_end(fault);
		return oom_wait("populating memory") ? -EAGAIN : -EINTR;
	}
	return err;
}

int mm_populate(struct mm *mm, unsigned long start, unsigned long end, bool write)
{
	struct mm_fault fault = { .write = write };
	unsigned long size;
	int err = 0;

	while (start < end && (!err || err == -EAGAIN)) {
		if (READ_ONCE(current->sig.kill)) {
			err = -EINTR;
			break;
		}
		err = populate_page(mm, start, &fault, &size);
		irq_window();
		if (!err)
			start += size - (start & (size - 1));
	}
	mm_fault_end(&fault);
	return err;
}

/* ---- madvise ---- */

struct advice {
	enum {
		INVALID,
		NO_EFFECT,
		DROP,
		AGE,
		COLLAPSE,
		SET_FLAGS
	} action;
	unsigned int refused;    /* fail on an area with any of these flags */
	bool anonymous;          /* fail on an area that maps a file */
	unsigned int set, clear; /* SET_FLAGS: area flags to set or clear */
};

static const struct advice known_advice[] = {
	[MADV_NORMAL] = { NO_EFFECT },
	[MADV_RANDOM] = { NO_EFFECT },
	[MADV_SEQUENTIAL] = { NO_EFFECT },
	[MADV_WILLNEED] = { NO_EFFECT },
	[MADV_DONTNEED] = { DROP, VMA_LOCKED },
	[MADV_FREE] = { DROP, VMA_LOCKED | VMA_SHARED | VMA_HUGETLB, true },
	[MADV_DONTFORK] = { SET_FLAGS, .set = VMA_DONTFORK },
	[MADV_DOFORK] = { SET_FLAGS, .clear = VMA_DONTFORK },
	[MADV_MERGEABLE] = { NO_EFFECT },
	[MADV_UNMERGEABLE] = { NO_EFFECT },
	[MADV_HUGEPAGE] = { SET_FLAGS, .clear = VMA_NO_HUGE },
	[MADV_NOHUGEPAGE] = { SET_FLAGS, .set = VMA_NO_HUGE },
	[MADV_DONTDUMP] = { NO_EFFECT },
	[MADV_DODUMP] = { NO_EFFECT },
	[MADV_WIPEONFORK] = { SET_FLAGS, VMA_SHARED | VMA_HUGETLB, true, .set = VMA_WIPEFORK },
	[MADV_KEEPONFORK] = { SET_FLAGS, .clear = VMA_WIPEFORK },
	[MADV_COLD] = { AGE, VMA_LOCKED | VMA_HUGETLB },
	[MADV_PAGEOUT] = { NO_EFFECT, VMA_LOCKED | VMA_HUGETLB },
	[MADV_COLLAPSE] = { COLLAPSE },
};

/* The contents of private pages are lost; shared pages stay in their file. */
static int madvise_drop(struct mm *mm, unsigned long start, unsigned long end)
{
	if (mm_split_leaf_at(mm, start) < 0 || mm_split_leaf_at(mm, end) < 0)
		return -ENOMEM;
	mm_notify_start(mm, start, end);
	mm_zap(mm, start, end);
	mm_notify_end(mm, start, end);
	return 0;
}

static int madvise_collapse(struct mm *mm, unsigned long start, unsigned long end)
{
	struct vma *vma;
	int err;

	for_each_vma(vma, mm) {
		if (vma->start >= end || vma->end <= start)
			continue;
		err = mm_collapse(mm, MAX(start, vma->start), MIN(end, vma->end));
		if (err)
			return err;
	}
	return 0;
}

/*
 * Apply the advice to the mapped parts of the range. None of the range's areas refuses the advice.
 */
static int madvise_range(struct mm *mm, unsigned long start, unsigned long end,
			 const struct advice *advice)
{
	int err;

	switch (advice->action) {
	case DROP:
		return madvise_drop(mm, start, end);
	case AGE:
		mm_age(mm, start, end);
		return 0;
	case COLLAPSE:
		return madvise_collapse(mm, start, end);
	case SET_FLAGS:
		err = vma_set_flags(mm, start, end, advice->set, advice->clear);
		return err == -ENOMEM ? -EAGAIN : err; /* as on Linux: too many areas, no memory */
	default:
		return 0;
	}
}

/*
 * Return the start of the first part of the range that refuses the advice; `end` if none does.
 * *drop_end is where MADV_DONTNEED stops: at `end` or, if that is inside a huge page, at the page's
 * start.
 */
static unsigned long refused_at(struct mm *mm, unsigned long start, unsigned long end,
				const struct advice *advice, unsigned long *drop_end)
{
	struct vma *vma;

	*drop_end = end;
	for_each_vma(vma, mm) {
		unsigned long first = MAX(start, vma->start), last = MIN(end, vma->end);
		unsigned long size = vma_page_size(vma);

		if (first >= last)
			continue;
		if ((vma->flags & advice->refused) || (advice->anonymous && vma->file))
			return first;
		if (advice->action == NO_EFFECT)
			continue;
		if (first % size || (last % size && advice->action != DROP))
			return first;
		if (last % size)
			*drop_end = ALIGN_DOWN(last, size);
	}
	return end;
}

/*
 * mm->lock is held. As on Linux, apply the advice up to the first area that refuses it. If this
 * succeeds, return -EINVAL if an area refused, or else -ENOMEM if a part of the range is unmapped.
 */
static int madvise_locked(struct mm *mm, unsigned long start, unsigned long end,
			  const struct advice *advice)
{
	bool mapped = vma_range_mapped(mm, start, end);
	unsigned long drop_end, stop, last;
	int err = 0;

	stop = refused_at(mm, start, end, advice, &drop_end);
	last = advice->action == DROP ? MIN(stop, drop_end) : stop;
	if (last > start)
		err = madvise_range(mm, start, last, advice);
	if (err)
		return err;
	return stop < end ? -EINVAL : mapped ? 0 : -ENOMEM;
}

/*
 * Populate [start, end) area by area. `need` is the access to populate for, reading or writing; for
 * mlock, it is PROT_ALL, which means any access that the area permits. -ENOMEM: an address is not
 * mapped; -EINVAL: an area lacks the permission; otherwise the same errors as mm_populate(). Pages
 * before the error stay populated.
 */
static int populate_areas(struct mm *mm, unsigned long start, unsigned long end, unsigned int need)
{
	unsigned long stop;
	struct vma *vma;
	bool write;
	int err = 0;

	for (; start < end && !err; start = stop) {
		mutex_lock(&mm->lock);
		vma = vma_find(mm, start);
		stop = vma ? MIN(vma->end, end) : start;
		err = !vma ? -ENOMEM : !(vma->prot & need) ? -EINVAL : 0;
		write = vma && (vma->prot & need & PROT_WRITE);
		mutex_unlock(&mm->lock);
		if (!err)
			err = mm_populate(mm, start, stop, write);
	}
	return err;
}

static int madvise_populate(struct mm *mm, unsigned long start, unsigned long end, bool write)
{
	int err = populate_areas(mm, start, end, write ? PROT_WRITE : PROT_READ);

	return err == -EIO ? -EFAULT : err;
}

long sys_madvise(struct trap_frame *frame)
{
	struct mm *mm = current_process->mm;
	unsigned long start = frame->a0, len = frame->a1;
	unsigned int advice = (unsigned int)frame->a2;
	int err;

	if (advice != MADV_POPULATE_READ && advice != MADV_POPULATE_WRITE &&
	    (advice >= ARRAY_SIZE(known_advice) || known_advice[advice].action == INVALID))
		return -EINVAL;
	if (!page_range(start, &len))
		return -EINVAL;
	if (advice == MADV_POPULATE_READ || advice == MADV_POPULATE_WRITE)
		return madvise_populate(mm, start, start + len, advice == MADV_POPULATE_WRITE);
	mutex_lock(&mm->lock);
	err = madvise_locked(mm, start, start + len, &known_advice[advice]);
	vma_unlock(mm);
	return err;
}

/* ---- msync, mlock, mincore ---- */

/* Return false if start or end lies inside a huge page of MAP_HUGETLB. */
static bool is_whole_pages(struct mm *mm, unsigned long start, unsigned long end)
{
	struct vma *first = vma_find(mm, start), *last = vma_find(mm, end - 1);

	return (!first || start % vma_page_size(first) == 0) &&
	       (!last || end % vma_page_size(last) == 0);
}

/* Round the range out to whole pages. False: it is not a range of user addresses. */
static bool touched_pages(unsigned long *start, unsigned long *len)
{
	*len += *start % PAGE_SIZE;
	*start -= *start % PAGE_SIZE;
	return page_range(*start, len);
}

static long check_mapped(unsigned long start, unsigned long len)
{
	struct mm *mm = current_process->mm;
	bool mapped;

	if (!touched_pages(&start, &len))
		return -ENOMEM;
	mutex_lock(&mm->lock);
	mapped = vma_range_mapped(mm, start, start + len);
	mutex_unlock(&mm->lock);
	return mapped ? 0 : -ENOMEM;
}

/* Files are in memory, so there is nothing to write back: only check the arguments. */
long sys_msync(struct trap_frame *frame)
{
	if (frame->a0 % PAGE_SIZE || (frame->a2 & ~7UL) || (frame->a2 & 5) == 5)
		return -EINVAL;
	return check_mapped(frame->a0, frame->a1);
}

/* ---- mlock: only populates and counts for RLIMIT_MEMLOCK, because nothing is paged out ---- */

/* Returns 0, -EINTR or -ENOMEM; as on Linux, -ENOMEM even if an access would raise a signal. */
static int populate_locked(struct mm *mm, unsigned long start, unsigned long end)
{
	int err = populate_areas(mm, start, end, PROT_ALL);

	return err && err != -EINTR ? -ENOMEM : err;
}

/*
 * Set or clear VMA_LOCKED. mm->lock is held. If the range starts or ends inside a huge page, its
 * areas can't be split there: return 0 without a change.
 */
static int mark_locked(struct mm *mm, unsigned long start, unsigned long end, bool lock)
{
	if (!vma_range_mapped(mm, start, end))
		return -ENOMEM;
	if (!is_whole_pages(mm, start, end))
		return 0;
	return vma_set_flags(mm, start, end, lock ? VMA_LOCKED : 0, lock ? 0 : VMA_LOCKED);
}

static long lock_pages(unsigned long start, unsigned long len, bool on_fault)
{
	struct mm *mm = current_process->mm;
	int err = -ENOMEM;

	if (!mm_can_lock())
		return -EPERM;
	if (!touched_pages(&start, &len))
		return -ENOMEM;
	if (!len)
		return 0;
	mutex_lock(&mm->lock);
	if (mm_may_lock(mm, start, start + len))
		err = mark_locked(mm, start, start + len, true);
	vma_unlock(mm);
	return err < 0 || on_fault ? err : populate_locked(mm, start, start + len);
}

long sys_mlock(struct trap_frame *frame)
{
	return lock_pages(frame->a0, frame->a1, false);
}

long sys_mlock2(struct trap_frame *frame)
{
	if (frame->a2 & ~(unsigned long)MLOCK_ONFAULT)
		return -EINVAL;
	return lock_pages(frame->a0, frame->a1, frame->a2 & MLOCK_ONFAULT);
}

long sys_munlock(struct trap_frame *frame)
{
	unsigned long start = frame->a0, len = frame->a1;
	struct mm *mm = current_process->mm;
	int err;

	if (!touched_pages(&start, &len))
		return -ENOMEM;
	if (!len)
		return 0;
	mutex_lock(&mm->lock);
	err = mark_locked(mm, start, start + len, false);
	vma_unlock(mm);
	return err;
}

/* mm->lock is held. Set and clear flags of every area, except areas of huge pages. */
static void mark_all(struct mm *mm, unsigned int set, unsigned int clear)
{
	struct vma *vma;

	for_each_vma(vma, mm)
		if (!(vma->flags & VMA_HUGETLB))
			vma->flags = (vma->flags | set) & ~clear;
}

/* Populate every area. As on Linux, an error skips the rest of the area. */
static void populate_all(struct mm *mm)
{
	unsigned long start = 0;
	struct vma *vma;

	for (;;) {
		unsigned long end = 0;

		mutex_lock(&mm->lock);
		vma = vma_next(mm, start);
		if (vma) {
			start = MAX(start, vma->start);
			end = vma->end;
		}
		mutex_unlock(&mm->lock);
		if (!end || populate_locked(mm, start, end) == -EINTR)
			return;
		start = end;
	}
}

long sys_mlockall(struct trap_frame *frame)
{
	struct mm *mm = current_process->mm;
	unsigned long flags = frame->a0;
	bool may = true;

	if (!(flags & (MCL_CURRENT | MCL_FUTURE)) ||
	    (flags & ~(unsigned long)(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)))
		return -EINVAL;
	if (!mm_can_lock())
		return -EPERM;
	mutex_lock(&mm->lock);
	if (flags & MCL_CURRENT)
		may = mm_may_lock_all(mm);
	if (may)
		mm->new_flags = flags & MCL_FUTURE ? VMA_LOCKED : 0;
	if (may && (flags & MCL_CURRENT))
		mark_all(mm, VMA_LOCKED, 0);
	mutex_unlock(&mm->lock);
	if (may && (flags & MCL_CURRENT) && !(flags & MCL_ONFAULT))
		populate_all(mm);
	return may ? 0 : -ENOMEM;
}

long sys_munlockall(struct trap_frame *frame)
{
	struct mm *mm = current_process->mm;

	(void)frame;
	mutex_lock(&mm->lock);
	mm->new_flags = 0;
	mark_all(mm, 0, VMA_LOCKED);
	mutex_unlock(&mm->lock);
	return 0;
}

long sys_mincore(struct trap_frame *frame)
{
	struct mm *mm = current_process->mm;
	unsigned long va = frame->a0, len = frame->a1, size;
	unsigned long out = frame->a2, i, pages;
	u8 present[64];

	if (va % PAGE_SIZE)
		return -EINVAL;
	if (!page_range(va, &len) || check_mapped(va, len) < 0)
		return -ENOMEM;
	for (; len; len -= pages * PAGE_SIZE, va += pages * PAGE_SIZE, out += pages) {
		pages = MIN(len / PAGE_SIZE, sizeof(present));
		mutex_lock(&mm->lock);
		for (i = 0; i < pages; i++)
			present[i] = pgtable_find(mm, va + i * PAGE_SIZE, &size) != NULL;
		mutex_unlock(&mm->lock);
		if (copy_to_user(out, present, pages) < 0)
			return -EFAULT;
		irq_window();
		if (READ_ONCE(current->sig.kill))
			return -EINTR;
	}
	return 0;
}
