// SPDX-License-Identifier: MIT
/*
 * user.c - user memory: copies, address spaces, the pages behind addresses, and MMU notifiers.
 */
#include <linux/kvm.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/page-flags.h>
#include <linux/pgtable.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/swap.h>
#include <linux/uaccess.h>
#include "linux.h"

/* ---- copies ------------------------------------------------------------ */

/* Copy 8 bytes by one load. copy_from_user() would copy so few bytes one by one. */
static unsigned long word_in(void *dst, const u64 __user *src)
{
	u64 word;

	if (get_user(word, src))
		return sizeof(word);
	memcpy(dst, &word, sizeof(word));
	return 0;
}

/*
 * Linux checks at run time that an object in memory has `size` bytes (HARDENED_USERCOPY), except for
 * constant sizes. The commonest sizes are therefore constants here.
 */
static unsigned long copy_in(void *dst, const void __user *src, size_t size)
{
	if (size == sizeof(u64) && IS_ALIGNED((unsigned long)src, sizeof(u64)))
		return word_in(dst, src);
	switch (size) {
	case sizeof(struct kvm_interrupt):
		return copy_from_user(dst, src, sizeof(struct kvm_interrupt));
	case sizeof(struct kvm_one_reg):
		return copy_from_user(dst, src, sizeof(struct kvm_one_reg));
	default:
		return copy_from_user(dst, src, size);
	}
}

int hv_copy_from_user(void *dst, hva_t src, size_t size)
{
	unsigned long left;

	leave_core();
	left = copy_in(dst, (const void __user *)src, size);
	enter_core();
	return left ? -EFAULT : 0;
}

int hv_copy_to_user(hva_t dst, const void *src, size_t size)
{
	unsigned long left;

	leave_core();
	left = copy_to_user((void __user *)dst, src, size);
	enter_core();
	return left ? -EFAULT : 0;
}

int hv_clear_user(hva_t dst, size_t size)
{
	unsigned long left;

	leave_core();
	left = clear_user((void __user *)dst, size);
	enter_core();
	return left ? -EFAULT : 0;
}

int hv_copy_to_user_nofault(hva_t dst, const void *src, size_t size)
{
	return copy_to_user_nofault((void __user *)dst, src, size) ? -EFAULT : 0;
}

/* ---- address spaces: a struct hv_mm is a struct mm_struct --------------- */

static struct mm_struct *mm_of(struct hv_mm *mm)
{
	return (struct mm_struct *)mm;
}

struct hv_mm *hv_mm_hold_current(void)
{
	mmgrab(current->mm);
	return (struct hv_mm *)current->mm;
}

void hv_mm_release(struct hv_mm *mm)
{
	mmdrop(mm_of(mm));
}

bool hv_mm_is_current(const struct hv_mm *mm)
{
	return (const struct mm_struct *)mm == current->mm;
}

/* ---- pages --------------------------------------------------------------- */

/*
 * Linux finds a page by its tagged address, too, if the process has switched tags on (prctl(),
 * PR_SET_TAGGED_ADDR_CTRL), but calls notifiers with untagged addresses only. A process may switch
 * tags on when a slot exists, so this is checked for each page as well.
 */
bool hv_user_range_is_valid(hva_t start, u64 size)
{
	hva_t plain = untagged_addr(start);

	return size <= TASK_SIZE && start <= TASK_SIZE - size && start == plain;
}

/*
 * Find the leaf entry for an address of the current process. Returns the entry, or 0 if there is
 * none. *size receives the size of its block, 4 KiB or 2 MiB, as far as the core can use it.
 * Interrupts are off, so no table is freed meanwhile (as in get_user_pages_fast()). An entry may
 * change at any time: the caller's sequence number covers that. Linux does not export the functions
 * that walk its tables, so this is a walk of its own.
 */
static unsigned long leaf_of(struct mm_struct *mm, hva_t hva, u64 *size)
{
	const unsigned long *table = (const unsigned long *)mm->pgd;
	int level = (csr_read(CSR_SATP) >> SATP_MODE_SHIFT) - (SATP_MODE_39 >> SATP_MODE_SHIFT) + 2;
	unsigned long entry;

	*size = SZ_4K;
	for (;; level--) {
		entry = READ_ONCE(table[hva >> (PAGE_SHIFT + 9 * level) & (PTRS_PER_PTE - 1)]);
		if (!(entry & _PAGE_PRESENT))
			return 0;
		if (entry & _PAGE_LEAF || !level)
			break;
		table = __va(PFN_PHYS((entry & _PAGE_PFN_MASK) >> _PAGE_PFN_SHIFT));
	}
	if (level)
		*size = SZ_2M;
	/* W without R is a shadow stack, to which the process cannot store as to other memory. */
	return entry & _PAGE_READ ? entry : entry & ~_PAGE_WRITE;
}

/*
 * Take a reference on the page behind an address, for writing if possible or if `write` is set.
 * get_user_pages_fast_only() would find out, too, that the entry does not permit the access, but
 * executes 600 instructions for that. The caller has checked that mm is the current process's, and that
 * the address is one of user space.
 */
static int user_page(struct mm_struct *mm, hva_t hva, bool write, struct hv_user_page *result,
		     struct page **pagep)
{
	unsigned int flags = FOLL_HWPOISON | FOLL_HONOR_NUMA_FAULT | (write ? FOLL_WRITE : 0);
	struct folio *folio;
	unsigned long leaf;
	long got;

	/* lab 13: write user_page: fault the page in if necessary, and fill in *result and *pagep */
	leaf = leaf_of(mm, hva, &result->map_size);
	result->waited = false;
	result->writable =
		leaf & _PAGE_WRITE && get_user_pages_fast_only(hva, 1, FOLL_WRITE, pagep) == 1;
	if (!result->writable &&
	    (write || !leaf || get_user_pages_fast_only(hva, 1, 0, pagep) != 1)) {
		result->waited = true;
		leave_core();
		got = get_user_pages_unlocked(hva, 1, pagep, flags);
		enter_core();
		if (got != 1 && fatal_signal_pending(current))
			return -EINTR;
		if (got != 1)
			return got == -ENOMEM ? -ENOMEM : -EFAULT;
		result->writable = write;
		leaf_of(mm, hva, &result->map_size);
	}
	result->pa = page_to_phys(*pagep);
	/*
	 * A store of the guest does not mark the host's leaf as dirty. Pages of a file system with
	 * writeback are dirty as long as the process's leaf is writable: Linux has marked them, in a
	 * way that also tells writeback, and protects the leaf when it cleans the page.
	 */
	folio = page_folio(*pagep);
	if (result->writable && (folio_test_anon(folio) || folio_test_swapbacked(folio)))
		folio_set_dirty(folio);
	return 0;
	/* lab 13 end */
}

/*
 * Return true for RAM that the process maps as uncached, for example memory of a GPU. It is refused,
 * because a guest's mapping of it would be cached.
 */
static bool is_uncached_ram(const struct follow_pfnmap_args *args)
{
	return pfn_valid(args->pfn) && (pgprot_val(args->pgprot) & _PAGE_MTMASK);
}

/*
 * mmap_lock held. Returns -EAGAIN after it has handled a fault: the look-up must then be repeated,
 * because the fault may have mapped a frame or a page. Returns -EEXIST if there is a page, whose leaf
 * is not special: a private mapping of frames contains pages where the process has written to it.
 */
static int look_for_frame(struct mm_struct *mm, hva_t hva, bool write, struct hv_user_page *result)
{
	struct vm_area_struct *vma = vma_lookup(mm, hva);
	struct follow_pfnmap_args args = { .vma = vma, .address = hva };
	bool unlocked, permits = false;

	if (!vma || !(vma->vm_flags & (VM_IO | VM_PFNMAP)) ||
	    !(vma->vm_flags & (write ? VM_WRITE : VM_READ)))
		return -EFAULT;
	if (!follow_pfnmap_start(&args)) {
		permits = args.writable || !write;
		result->pa = PFN_PHYS(args.pfn);
		result->writable = args.writable;
		follow_pfnmap_end(&args);
	}
	if (permits && !args.special)
		return -EEXIST;
	if (permits)
		return is_uncached_ram(&args) ? -EFAULT : 0;
	return fixup_user_fault(mm, hva, write ? FAULT_FLAG_WRITE : 0, &unlocked) ?: -EAGAIN;
}

/*
 * Find the frame behind an address of a mapping that has frames instead of pages (VM_PFNMAP, VM_IO),
 * such as registers of a device that the process has mapped through VFIO or sysfs. No reference is
 * taken: a driver that revokes the frame unmaps it first, which calls the notifiers. If the address
 * turns out to have a page, take a reference on the page, as user_page() does.
 */
static noinline int find_frame(struct mm_struct *mm, hva_t hva, bool write,
			       struct hv_user_page *result, struct page **pagep)
{
	int err, page_err;

	do {
		leave_core();
		cond_resched();
		err = mmap_read_lock_killable(mm);
		if (!err) {
			err = look_for_frame(mm, hva, write, result);
			mmap_read_unlock(mm);
		}
		if (err == -EAGAIN && signal_pending(current))
			err = -EINTR;
		enter_core();
		result->waited = true;
		if (err != -EAGAIN && err != -EEXIST) {
			*pagep = NULL;
			leaf_of(mm, hva, &result->map_size);
			return err;
		}
		page_err = user_page(mm, hva, write, result, pagep);
		result->waited = true;
	} while (page_err == -EFAULT && err == -EAGAIN);
	return page_err;
}

/* Find the page or the frame behind an address of any mapping. *pagep is NULL if it is a frame. */
static __always_inline int find_page(struct hv_mm *hv_mm, hva_t hva, bool write,
				     struct hv_user_page *result, struct page **pagep)
{
	struct mm_struct *mm = mm_of(hv_mm);
	int err;

	if (mm != current->mm || !hv_user_range_is_valid(hva, PAGE_SIZE))
		return -EFAULT;
	err = user_page(mm, hva, write, result, pagep);
	return err == -EFAULT ? find_frame(mm, hva, write, result, pagep) : err;
}

/* The word with PG_dcache_clean. In new kernels, a folio's flags are a struct. */
static unsigned long *flags_of(struct folio *folio)
{
	static_assert(!offsetof(struct folio, flags));
	return (unsigned long *)folio;
}

/*
 * Linux sets PG_dcache_clean when fence.i has been executed for the folio; a new folio does not have
 * it. If Linux sets it for a program's executable page, only the harts that run this program have
 * fenced, so the flag is not trusted for memory that another program can share.
 */
static __always_inline bool is_stale(struct page *page)
{
	struct folio *folio = page ? page_folio(page) : NULL;

	return !folio || !test_bit(PG_dcache_clean, flags_of(folio)) || !folio_test_anon(folio) ||
	       folio_test_ksm(folio);
}

int hv_user_page_look(struct hv_mm *mm, hva_t hva, bool write, struct hv_user_page *result)
{
	struct page *page;
	int err = find_page(mm, hva, write, result, &page);

	if (err)
		return err;
	result->stale = is_stale(page);
	if (page) {
		mark_page_accessed(page);
		put_page(page);
	}
	return 0;
}

int hv_user_page_fetch(struct hv_mm *mm, hva_t hva, struct hv_user_page *result)
{
	struct page *page;
	int err = find_page(mm, hva, false, result, &page);

	if (err)
		return err;
	if (is_stale(page)) {
		leave_core();
		flush_icache_all();
		if (page)
			set_bit(PG_dcache_clean, flags_of(page_folio(page)));
		enter_core();
		result->waited = true;
	}
	result->stale = false;
	if (page)
		put_page(page);
	return 0;
}

/*
 * On a hart without Svadu, a store faults if the leaf is writable but not dirty, as after MADV_FREE.
 * get_user_pages() leaves it so; Linux makes it dirty only by handling a fault.
 */
static int make_dirty(struct mm_struct *mm, hva_t hva)
{
	const char __user *at = (const char __user *)hva;
	u64 size;
	bool failed;

	if (leaf_of(mm, hva, &size) & _PAGE_DIRTY)
		return 0;
	leave_core();
	failed = fault_in_safe_writeable(at, 1);
	enter_core();
	return failed ? -EFAULT : 0;
}

int hv_user_page_get(struct hv_mm *mm, hva_t hva, bool write, struct hv_user_page *result)
{
	struct page *page;
	int err = find_page(mm, hva, write, result, &page);

	if (!err && !page)
		return -EFAULT;
	if (err || !write)
		return err;
	err = make_dirty(mm_of(mm), hva);
	if (err)
		put_page(page);
	result->waited = true;
	return err;
}

void hv_user_page_put(const struct hv_user_page *page)
{
	put_page(pfn_to_page(PHYS_PFN(page->pa)));
}

bool hv_user_range_writable(struct hv_mm *hv_mm, hva_t start, u64 size)
{
	struct mm_struct *mm = mm_of(hv_mm);
	VMA_ITERATOR(vmi, mm, start);
	struct vm_area_struct *vma;
	bool writable = true;

	leave_core();
	mmap_read_lock(mm);
	for_each_vma_range(vmi, vma, start + size)
		writable &= !!(vma->vm_flags & VM_WRITE);
	mmap_read_unlock(mm);
	enter_core();
	return writable;
}

/* ---- notifiers ------------------------------------------------------------- */

struct host_notifier {
	struct mmu_notifier mn;
	struct hv_notifier *n;
};

static struct hv_notifier *notifier_of(struct mmu_notifier *mn)
{
	return container_of(mn, struct host_notifier, mn)->n;
}

static int range_start(struct mmu_notifier *mn, const struct mmu_notifier_range *range)
{
	/* lab 13: write range_start: tell the core that the mapping of the range is about to change */
	struct hv_notifier *n = notifier_of(mn);
	unsigned long flags;

	local_irq_save(flags);
	n->invalidate_start(n, range->start, range->end, mmu_notifier_range_blockable(range));
	local_irq_restore(flags);
	return 0;
	/* lab 13 end */
}

static void range_end(struct mmu_notifier *mn, const struct mmu_notifier_range *range)
{
	struct hv_notifier *n = notifier_of(mn);
	unsigned long flags;

	local_irq_save(flags);
	n->invalidate_end(n, range->start, range->end);
	local_irq_restore(flags);
}

/* The type that test_young() and the other two callbacks return: int in Linux 6.12, bool in 7.2. */
typedef typeof(((struct mmu_notifier_ops *)NULL)->test_young(NULL, NULL, 0)) young_t;

static bool age(struct mmu_notifier *mn, hva_t start, hva_t end, bool clear)
{
	struct hv_notifier *n = notifier_of(mn);
	unsigned long flags;
	bool young;

	local_irq_save(flags);
	young = n->test_young(n, start, end);
	if (clear && young)
		n->clear_young(n, start, end);
	local_irq_restore(flags);
	return young;
}

static young_t clear_young(struct mmu_notifier *mn, struct mm_struct *mm, unsigned long start,
			   unsigned long end)
{
	return age(mn, start, end, true);
}

static young_t test_young(struct mmu_notifier *mn, struct mm_struct *mm, unsigned long address)
{
	return age(mn, address, address + PAGE_SIZE, false);
}

static void mm_gone(struct mmu_notifier *mn, struct mm_struct *mm)
{
	struct hv_notifier *n = notifier_of(mn);
	unsigned long flags;

	local_irq_save(flags);
	n->release(n, true);
	local_irq_restore(flags);
}

static const struct mmu_notifier_ops notifier_ops = {
	.invalidate_range_start = range_start,
	.invalidate_range_end = range_end,
	.clear_flush_young = clear_young,
	.clear_young = clear_young,
	.test_young = test_young,
	.release = mm_gone,
};

int hv_notifier_register(struct hv_mm *mm, struct hv_notifier *n)
{
	struct host_notifier *host;
	int err = -ENOMEM;

	leave_core();
	host = kzalloc(sizeof(*host), GFP_KERNEL_ACCOUNT);
	if (host) {
		host->mn.ops = &notifier_ops;
		host->n = n;
		n->host = host;
		err = mmu_notifier_register(&host->mn, mm_of(mm));
		if (err)
			kfree(host);
	}
	enter_core();
	return err;
}

void hv_notifier_unregister(struct hv_mm *mm, struct hv_notifier *n)
{
	struct host_notifier *host = n->host;

	leave_core();
	mmu_notifier_unregister(&host->mn, mm_of(mm));
	kfree(host);
	enter_core();
}
