// SPDX-License-Identifier: MIT
/*
 * fault.c - demand paging: choose and map a page at its first use.
 *
 *   anonymous        a zeroed page, or 2 MiB at once if the area contains them and much memory is
 *                    free; with parameter zero_page=1, a load maps the zero page (zero_page.c), and
 *                    the first store then gets the zeroed page
 *   file, shared     the file's own page, or a block of 512
 *   file, private    the file's page, read-only; the first write copies it
 *   after fork       shared and read-only; a write copies a page that has other users
 *
 * The reference count decides whether a private page may be written in place: if it is 1,
 * the page is not mapped elsewhere, not in a file, and not pinned.
 * Locks: mm->lock throughout; file operations may sleep with it held.
 */
#include <linux/errno.h>
#include <linux/mman.h>
#include <string.h>
#include "hv/bits.h"
#include "hv/host.h"
#include "file/file.h"
#include "hugetlb.h"
#include "platform/layout.h"
#include "page.h"
#include "lib/printk.h"
#include "proc/oom.h"
#include "sched/insn.h"
#include "sched/thread.h"
#include "userfaultfd.h"
#include "vma.h"

unsigned long vma_pte_flags(unsigned int prot)
{
	unsigned long flags = PTE_USER_BASE;

	/*
	 * A PROT_NONE page stays in a leaf that neither the program (no U) nor the kernel (no R, no
	 * W) can use for data. X is set because an entry with V but without R, W and X points to a
	 * table (S §3.1).
	 */
	if (!(prot & (PROT_READ | PROT_WRITE | PROT_EXEC)))
		return PTE_V | PTE_X | PTE_A | PTE_D;
	if (prot & PROT_READ)
		flags |= PTE_R;
	if (prot & PROT_WRITE)
		flags |= PTE_R | PTE_W; /* W without R is reserved */
	if (prot & PROT_EXEC)
		flags |= PTE_X;
	return flags;
}

/*
 * Make new instructions in memory visible: harts that run mm execute fence.i now, and other harts
 * do so when they switch to mm (mm_activate() checks icache_stale).
 */
void mm_sync_icache(struct mm *mm)
{
	struct hv_hartmask fenced;
	bool elsewhere;

	hartmask_set_all(&mm->icache_stale);
	elsewhere = hartmask_without(&fenced, &mm->harts, this_hart());
	/*
	 * Clear the marks before the fences. If another thread sets them again meanwhile, the fences
	 * may come too early for its change, so its marks have to stay.
	 */
	hartmask_set(&fenced, this_hart());
	hartmask_remove_atomic(&mm->icache_stale, &fenced);
	hartmask_clear(&fenced, this_hart());
	if (elsewhere)
		hv_remote_fence(SBI_RFENCE_REMOTE_FENCE_I, &fenced, 0, 0, 0);
	fence_i();
}

static inline int install(struct mm *mm, const struct vma *vma, unsigned long va,
			  unsigned long size, hpa_t pa, unsigned long flags)
{
	pte_t *pte = pgtable_alloc(mm, va, size);

	if (!pte)
		return -ENOMEM;
	pte_publish(pte, pte_make(pa, flags));
	WRITE_ONCE(mm->total_pages, mm->total_pages + size / SZ_4K);
	/* This hart may have cached the invalid entry (S §2.1); others fence when they fault. */
	sfence_vma_page(va);
	if (vma->prot & PROT_EXEC)
		mm_sync_icache(mm);
	return 0;
}

/* Install one page with the caller's reference, which is dropped on failure. */
static int install_held(struct mm *mm, const struct vma *vma, unsigned long va, hpa_t pa,
			unsigned long flags)
{
	int err = install(mm, vma, ALIGN_DOWN(va, SZ_4K), SZ_4K, pa, flags);

	if (err < 0)
		page_put(pa);
	return err;
}

int mm_install_page(struct mm *mm, const struct vma *vma, unsigned long va, hpa_t pa)
{
	unsigned long size = vma->flags & VMA_HUGETLB ? SZ_2M : SZ_4K;

	if (size == SZ_2M && !pgtable_collapse_empty(mm, va))
		return -ENOMEM;
	return install(mm, vma, va, size, pa, vma_pte_flags(vma->prot));
}

/* Does the area contain the aligned 2 MiB around va, and may one leaf map them? */
static bool block_fits(struct mm *mm, const struct vma *vma, unsigned long va)
{
	unsigned long block = ALIGN_DOWN(va, SZ_2M);

	if ((vma->flags & (VMA_NO_HUGE | VMA_UFFD)) || block < vma->start ||
	    vma->end - block < SZ_2M)
		return false;
	return pgtable_collapse_empty(mm, block);
}

static int map_anonymous(struct mm *mm, const struct vma *vma, unsigned long va,
			 struct mm_fault *fault)
{
	unsigned long size;
	hpa_t pa;
	int err = mm_fault_take_zeroes(fault, block_fits(mm, vma, va), &size, &pa);

	if (err < 0)
		return err;
	err = install(mm, vma, ALIGN_DOWN(va, size), size, pa, vma_pte_flags(vma->prot));
	if (err < 0)
		page_free(pa, size == SZ_2M ? ORDER_2M : 0);
	return err;
}

/* Map the zero page for a load. Not inlined, to keep other faults cheap. */
static __attribute__((noinline)) int map_zeroes(struct mm *mm, const struct vma *vma,
						unsigned long va, hpa_t zeroes)
{
	unsigned long size = block_fits(mm, vma, va) ? SZ_2M : SZ_4K;
	unsigned long start = ALIGN_DOWN(va, size);
	int err = install(mm, vma, start, size, zeroes + (start & (SZ_2M - 1)),
			  vma_pte_flags(vma->prot) & ~PTE_W);

	if (!err)
		/* The zero page is not counted. */
		WRITE_ONCE(mm->total_pages, mm->total_pages - size / SZ_4K);
	return err;
}

static u64 file_index(const struct vma *vma, unsigned long va)
{
	return vma->pgoff + ((va - vma->start) >> PAGE_SHIFT);
}

/* Failure to get a file's page raises SIGBUS (-EIO), unless memory has run out. */
static int file_error(int err)
{
	return err == -ENOMEM ? -ENOMEM : -EIO;
}

/*
 * May the file's page at va contain instructions that a guest executes? Must be called before the
 * page is mapped. PROT_EXEC does not matter: a guest can execute pages that its VMM cannot. A hole
 * in the file contains only zeroes.
 */
static bool file_has_code(struct mm *mm, const struct vma *vma, unsigned long va)
{
	const struct file_ops *ops = vma->file->ops;

	return !list_empty(&mm->notifiers) &&
	       (!ops->has_page || ops->has_page(vma->file, file_index(vma, va)));
}

static int map_shared(struct mm *mm, const struct vma *vma, unsigned long va)
{
	unsigned long flags = vma_pte_flags(vma->prot);
	const struct file_ops *ops = vma->file->ops;
	unsigned long block = ALIGN_DOWN(va, SZ_2M);
	hpa_t pa;
	int err;

	if (ops->mmap_block && block_fits(mm, vma, va) && file_index(vma, block) % 512 == 0 &&
	    ops->mmap_block(vma->file, file_index(vma, block), &pa) == 0) {
		err = install(mm, vma, block, SZ_2M, pa, flags);
		if (err < 0)
			mm_put_leaf_pages(pte_make(pa, 0), SZ_2M);
		return err;
	}
	if (!ops->mmap_page)
		return -EIO;
	err = ops->mmap_page(vma->file, file_index(vma, va), vma->prot & PROT_WRITE, &pa);
	if (err < 0)
		return file_error(err);
	return install_held(mm, vma, va, pa, flags);
}

/* Allocate a page with a copy of the file's bytes, and zeroes beyond the end of the file. */
static int private_copy(const struct vma *vma, unsigned long va, hpa_t *pa)
{
	u64 pos = file_index(vma, va) << PAGE_SHIFT;
	long got;

	if (pos >= file_size(vma->file))
		return -EIO;
	*pa = page_alloc_user_zeroed(0);
	if (!*pa)
		return -ENOMEM;
	got = file_kread(vma->file, pa_to_va(*pa), PAGE_SIZE, pos);
	if (got > 0)
		return 0;
	page_free(*pa, 0);
	return -EIO;
}

static int map_private(struct mm *mm, const struct vma *vma, unsigned long va, bool write)
{
	unsigned long flags = vma_pte_flags(vma->prot);
	const struct file_ops *ops = vma->file->ops;
	hpa_t pa;
	int err = -ENODEV;

	if (!write && ops->mmap_page) {
		flags &= ~PTE_W;
		err = ops->mmap_page(vma->file, file_index(vma, va), false, &pa);
	}
	if (err < 0) {
		flags = vma_pte_flags(vma->prot);
		err = private_copy(vma, va, &pa);
	}
	if (err < 0)
		return file_error(err);
	return install_held(mm, vma, va, pa, flags);
}

/*
 * Map a huge page of hugetlb.c. Returns -EIO (SIGBUS) if the pool is empty. In a private mapping of
 * a file, the file's own page is mapped until the first write copies it.
 */
static int map_huge(struct mm *mm, const struct vma *vma, unsigned long va, bool write)
{
	unsigned long flags = vma_pte_flags(vma->prot), block = ALIGN_DOWN(va, SZ_2M);
	bool shared = vma->flags & VMA_SHARED;
	hpa_t pa = 0, copy;

	if (vma->flags & VMA_GIANT)
		return giant_page_map(mm, vma, va);
	if (!pgtable_collapse_empty(mm, block))
		return -ENOMEM;
	if (vma->file && vma->file->ops->mmap_block(vma->file, file_index(vma, block), &pa) < 0)
		return -EIO;
	if (!vma->file || (!shared && write)) {
		copy = mm_fault_huge_page(pa);
		if (pa)
			page_free(pa, ORDER_2M);
		if (!copy)
			return -EIO;
		pa = copy;
	} else if (!shared) {
		flags &= ~PTE_W;
	}
	if (install(mm, vma, block, SZ_2M, pa, flags) == 0)
		return 0;
	page_free(pa, ORDER_2M);
	return -ENOMEM;
}

/*
 * The frame may have had other contents: a hart that has fetched instructions from it may execute
 * the old instructions until the hart's next fence.i (the rules are those of Zifencei). install()
 * takes care of this for the process, and the notifiers do so for its guests; until then, no vCPU may
 * find the page (peek_stop()).
 */
static int map_file(struct mm *mm, const struct vma *vma, unsigned long va, bool write)
{
	bool code = file_has_code(mm, vma, va);
	unsigned long size = 0;
	int err;

	if (code)
		peek_stop(mm);
	if (vma->flags & VMA_HUGETLB)
		err = map_huge(mm, vma, va, write);
	else if (vma->flags & VMA_SHARED)
		err = map_shared(mm, vma, va);
	else
		err = map_private(mm, vma, va, write);
	if (!err && code && pgtable_find(mm, va, &size))
		mm_notify_moved(mm, ALIGN_DOWN(va, size), ALIGN_DOWN(va, size) + size);
	if (code)
		peek_resume(mm);
	return err;
}

/* Copy a private page that has other references, at the first write to it. */
static int copy_on_write(struct mm *mm, unsigned long va, pte_t *pte, unsigned long size,
			 struct mm_fault *fault)
{
	hpa_t copy, old = pte_to_hpa(*pte) + (va & (size - 1) & PAGE_MASK);
	int err = mm_fault_take_page(fault, SZ_4K, old, &copy);

	if (err < 0)
		return err;
	va = ALIGN_DOWN(va, SZ_4K);
	pte = pgtable_alloc(mm, va, SZ_4K); /* splits a 2M leaf: only this page is copied */
	if (!pte) {
		page_free(copy, 0);
		return -ENOMEM;
	}
	if (size != SZ_4K)
		mm_flush_tlb(mm, ALIGN_DOWN(va, SZ_2M), SZ_2M);
	mm_notify_start(mm, va, va + SZ_4K);
	pte_publish(pte, pte_make(copy, (*pte & ~PTE_PPN) | PTE_W));
	mm_flush_tlb(mm, va, SZ_4K);
	mm_notify_moved(mm, va, va + SZ_4K);
	mm_notify_end(mm, va, va + SZ_4K);
	page_put(old);
	return 0;
}

/* Like copy_on_write(), but for a huge page, which is not split. */
static int copy_huge_on_write(struct mm *mm, const struct vma *vma, unsigned long va, pte_t *pte,
			      unsigned long size)
{
	hpa_t copy, old = pte_to_hpa(*pte);

	/* The code below drops a reference to each page of the 2 MiB, so the leaf must map all. */
	BUG_ON(size != SZ_2M);
	if (vma->flags & VMA_GIANT)
		return giant_page_copy(mm, va);
	copy = mm_fault_huge_page(old);
	if (!copy)
		return -EIO;
	va = ALIGN_DOWN(va, SZ_2M);
	mm_notify_start(mm, va, va + SZ_2M);
	pte_publish(pte, pte_make(copy, (*pte & ~PTE_PPN) | PTE_W));
	mm_flush_tlb(mm, va, SZ_2M);
	mm_notify_moved(mm, va, va + SZ_2M);
	mm_notify_end(mm, va, va + SZ_2M);
	page_free(old, ORDER_2M);
	return 0;
}

/*
 * Does the leaf at va, in a shared area, still map the page that the file returns for writing?
 * Returns 1 or 0, or -errno if the file has no page there. Returns 0 for a 2M leaf if the file no
 * longer has a block of that size there: its pages may still be mapped one by one.
 */
static int leaf_is_of_file(const struct vma *vma, unsigned long va, pte_t pte, unsigned long size)
{
	const struct file_ops *ops = vma->file->ops;
	hpa_t pa;
	int err;

	if (size == SZ_2M) {
		if (!ops->mmap_block || ops->mmap_block(vma->file, file_index(vma, va), &pa) < 0)
			return 0;
		irq_window(); /* mmap_block() took 512 references, which are dropped below */
	} else {
		err = ops->mmap_page ? ops->mmap_page(vma->file, file_index(vma, va), true, &pa)
				     : -EIO;
		if (err < 0)
			return file_error(err);
	}
	mm_put_leaf_pages(pte_make(pa, 0), size);
	return pa == pte_to_hpa(pte);
}

/* Handle a write to a page whose leaf is valid but lacks W, in a writable area. */
static int make_writable(struct mm *mm, const struct vma *vma, unsigned long va, pte_t *pte,
			 unsigned long size, struct mm_fault *fault)
{
	unsigned long start = ALIGN_DOWN(va, size);
	int err;

	BUG_ON(start < vma->start || vma->end - start < size);
	if (vma->flags & VMA_SHARED) {
		err = leaf_is_of_file(vma, start, *pte, size);
		if (err < 0)
			return err;
		if (err == 0) {
			/*
			 * The file dropped this page, or a page of this block (unmap.c). The next
			 * fault maps what the file has now.
			 */
			mm_notify_start(mm, start, start + size);
			mm_zap(mm, start, start + size);
			mm_notify_end(mm, start, start + size);
			return 0;
		}
	} else if (!mm_leaf_is_unshared(*pte, size)) {
		if (page_is_zero(pte_to_hpa(*pte)))
			err = mm_replace_zeroes(mm, vma, va, pte, size, fault);
		else if (vma->flags & VMA_HUGETLB)
			err = copy_huge_on_write(mm, vma, va, pte, size);
		else
			err = copy_on_write(mm, va, pte, size, fault);
		/* As in install(): a hart may have fetched the new frame's old contents. */
		if (err == 0 && (vma->prot & PROT_EXEC))
			mm_sync_icache(mm);
		return err;
	}
	WRITE_ONCE(*pte, *pte | PTE_W);
	/*
	 * No remote fence is needed: another hart may fault once more, and then finds the leaf
	 * writable.
	 */
	sfence_vma_page(va);
	return 0;
}

int mm_fault_locked(struct mm *mm, unsigned long va, struct mm_fault *fault)
{
	bool write = fault->write, exec = fault->exec;
	unsigned int need = write ? PROT_WRITE : exec ? PROT_EXEC : PROT_READ | PROT_WRITE;
	struct vma *vma = vma_find(mm, va);
	unsigned long size;
	hpa_t zeroes;
	pte_t *pte;

	if (!vma || !(vma->prot & need))
		return -EFAULT;
	pte = pgtable_find(mm, va, &size);
	if (pte) {
		/* The leaf lacks a permission of its area; repeating the access would not help. */
		if (~*pte & (PTE_U | (exec ? PTE_X : PTE_R)))
			return -EFAULT;
		/* mm_age() may have cleared A, and this hardware does not set it (Svade). */
		WRITE_ONCE(*pte, *pte | PTE_A);
		if (write && !(*pte & PTE_W))
			return make_writable(mm, vma, va, pte, size, fault);
		/*
		 * This hart had cached the old entry: without A, or invalid because another thread
		 * has mapped the page since.
		 */
		sfence_vma_page(va);
		return 0;
	}
	if (vma->uffd && uffd_wants(vma, va))
		return uffd_queue_fault(vma, va, write, &fault->uffd);
	if (vma->file)
		return map_file(mm, vma, va, write);
	if (vma->flags & VMA_HUGETLB)
		return map_huge(mm, vma, va, write);
	if (READ_ONCE(zero_page_enabled) && !write && (zeroes = zero_page_get()))
		return map_zeroes(mm, vma, va, zeroes);
	return map_anonymous(mm, vma, va, fault);
}

int mm_fault(struct mm *mm, unsigned long va, bool write, bool exec, bool user)
{
	struct mm_fault fault = { .write = write, .exec = exec, .uffd.user = user };
	bool again = true;
	int err;

	if (va >= USER_END || current->fault_disabled)
		return -EFAULT;
	mm_fault_begin(&fault);
	do {
		mutex_lock(&mm->lock);
		err = mm_fault_locked(mm, va, &fault);
		mutex_unlock(&mm->lock);
		if (err == -EAGAIN) {
			again = mm_fault_continue(&fault) == 0;
		} else if (err == -ENOMEM) {
			mm_fault_end(&fault);
			again = oom_wait("a page fault");
		} else {
			break;
		}
	} while (again);
	mm_fault_end(&fault);
	/*
	 * If the wait was ended, a signal or the process's end must be handled first. A program
	 * then repeats the access; an access by the kernel fails.
	 */
	if (err == -EAGAIN || err == -ENOMEM)
		return user ? 0 : -EFAULT;
	return err;
}
