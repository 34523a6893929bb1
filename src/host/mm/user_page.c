// SPDX-License-Identifier: MIT
/*
 * user_page.c - find the page behind a user address for the hypervisor core and for the kernel.
 *
 * hv_user_page_look() handles most guest page faults. A page that the process has already mapped is
 * found without mm->lock (pgtable_find.c), so faults of vCPUs on several harts do not wait for each
 * other. All other cases take the lock.
 */
#include <linux/errno.h>
#include <linux/mman.h>
#include "hv/bits.h"
#include "hv/host.h"
#include "page.h"
#include "proc/oom.h"
#include "proc/process.h"
#include "vma.h"

static struct mm *to_mm(const struct hv_mm *mm)
{
	return (struct mm *)mm;
}

/*
 * The permissions that a leaf needs. A leaf never has more permissions than its area
 * (vma_pte_flags()), so the area isn't looked up, and the cost of a page that is present doesn't
 * depend on the number of areas.
 */
static inline pte_t needed(bool write)
{
	return PTE_R | PTE_U | (write ? PTE_W : 0);
}

static inline void describe(struct hv_user_page *page, hva_t hva, pte_t leaf, unsigned long size)
{
	page->pa = pte_to_hpa(leaf) + (hva & (size - 1) & PAGE_MASK);
	page->map_size = size;
	page->writable = leaf & PTE_W;
}

/*
 * Look up the page at hva without mm->lock. Returns false if it isn't mapped with the permissions
 * needed, if mm_age() has cleared A, or if another thread is changing the page table.
 */
static inline bool look_unlocked(const struct mm *mm, hva_t hva, bool write,
				 struct hv_user_page *page)
{
	pte_t need = needed(write) | PTE_A, leaf;
	unsigned long size;

	if (hva >= USER_END || !pgtable_peek(mm, hva, &leaf, &size) || (leaf & need) != need)
		return false;
	describe(page, hva, leaf, size);
	return true;
}

/*
 * Look up the page at hva without a fault. Returns false if a fault must be handled first, or if
 * hva is no user address. mm->lock is held.
 */
static bool look_present(struct mm *mm, hva_t hva, bool write, struct hv_user_page *page)
{
	unsigned long size;
	pte_t *pte = hva < USER_END ? pgtable_find(mm, hva, &size) : NULL;

	if (!pte || (*pte & needed(write)) != needed(write))
		return false;
	WRITE_ONCE(*pte, *pte | PTE_A); /* mm_age() may have cleared A */
	describe(page, hva, *pte, size);
	return true;
}

/*
 * Fault the page at hva in and look it up. mm->lock is held; it may be released for a while. The
 * loop makes progress: a fault that returns 0 has made the leaf usable, or has removed a leaf whose
 * page is no longer in its file (the next fault then maps the file's page). If no fault can make the
 * leaf usable, the result is -EFAULT.
 */
static int look_after_fault(struct mm *mm, hva_t hva, struct mm_fault *fault,
			    struct hv_user_page *page)
{
	int err;

	if (hva >= USER_END)
		return -EFAULT;
	page->waited = true;
	do {
		err = mm_fault_locked(mm, hva, fault);
		if (err == -EAGAIN) {
			mutex_unlock(&mm->lock);
			err = mm_fault_continue(fault);
			mutex_lock(&mm->lock);
		}
	} while (!err && !look_present(mm, hva, fault->write, page));
	return err;
}

int mm_page_get(struct mm *mm, unsigned long hva, bool write, struct hv_user_page *page)
{
	struct mm_fault fault = { .write = write };
	int err;

	page->waited = false;
	do {
		mutex_lock(&mm->lock);
		err = look_present(mm, hva, write, page) ? 0
							 : look_after_fault(mm, hva, &fault, page);
		if (!err)
			page_get(page->pa);
		mutex_unlock(&mm->lock);
		mm_fault_end(&fault);
	} while (err == -ENOMEM && oom_wait("the kernel's use of a page"));
	return err;
}

/* Convert an error for the core, which treats a page beyond the end of a file as not mapped. */
static int page_error(int err)
{
	return err == -EIO ? -EFAULT : err;
}

/* Not inlined, to keep the look-up of a page that is present cheap. */
static __attribute__((noinline)) int look_slowly(struct mm *mm, hva_t hva, bool write,
						 struct hv_user_page *page)
{
	struct mm_fault fault = { .write = write };
	int err;

	mm_fault_begin(&fault);
	mutex_lock(&mm->lock);
	err = look_after_fault(mm, hva, &fault, page);
	mutex_unlock(&mm->lock);
	mm_fault_end(&fault);
	return err;
}

/* No oom_wait() here: KVM_RUN fails with -ENOMEM, and syscall.c repeats it once memory is free. */
int hv_user_page_look(struct hv_mm *hv_mm, hva_t hva, bool write, struct hv_user_page *page)
{
	struct mm *mm = to_mm(hv_mm);

	if (READ_ONCE(current->sig.kill))
		return -EINTR;
	page->waited = false;
	page->stale = false; /* the notifier has every vCPU execute fence.i (mm_sync_icache()) */
	return look_unlocked(mm, hva, write, page) ? 0
						   : page_error(look_slowly(mm, hva, write, page));
}

/* No page is stale, so the core does not call this. */
int hv_user_page_fetch(struct hv_mm *mm, hva_t hva, struct hv_user_page *page)
{
	return hv_user_page_look(mm, hva, false, page);
}

int hv_user_page_get(struct hv_mm *mm, hva_t hva, bool write, struct hv_user_page *page)
{
	if (READ_ONCE(current->sig.kill))
		return -EINTR;
	return page_error(mm_page_get(to_mm(mm), hva, write, page));
}

void hv_user_page_put(const struct hv_user_page *page)
{
	page_put(page->pa);
}

/* As on Linux with Sv57, the widest mode. */
bool hv_user_range_is_valid(hva_t start, u64 size)
{
	const u64 limit = 1UL << 56;

	return size <= limit && start <= limit - size;
}

bool hv_user_range_writable(struct hv_mm *hv_mm, hva_t start, u64 size)
{
	struct mm *mm = to_mm(hv_mm);
	bool writable = true;
	struct vma *vma;

	mutex_lock(&mm->lock);
	for_each_vma(vma, mm)
		if (vma->end > start && vma->start < start + size)
			writable &= (vma->prot & PROT_WRITE) != 0;
	mutex_unlock(&mm->lock);
	return writable;
}
