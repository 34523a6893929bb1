// SPDX-License-Identifier: MIT
/*
 * vma.h - areas of an address space, and the operations on ranges of it.
 *
 * Callers hold mm->lock, unless a comment says otherwise.
 */
#ifndef HOST_VMA_H
#define HOST_VMA_H

#include "hv/list.h"
#include "hv/types.h"
#include "platform/layout.h"
#include "hv/bits.h"
#include "mm.h"
#include "page.h"
#include "userfaultfd.h"

#define VMA_SHARED       1
#define VMA_NO_HUGE      2 /* 4K pages only, for stacks and MADV_NOHUGEPAGE */
#define VMA_DONTFORK     4
#define VMA_WIPEFORK     8
#define VMA_UFFD_MISSING 16   /* the program supplies missing pages (userfaultfd) */
#define VMA_UFFD_MINOR   32   /* the program maps pages that the file already has */
#define VMA_HUGETLB      64   /* consists only of 2 MiB pages from hugetlb.c */
#define VMA_GIANT        128  /* with VMA_HUGETLB: 1 GiB pages instead, of 512 leaves each */
#define VMA_LOCKED       256  /* mlock(): counted for RLIMIT_MEMLOCK; MADV_DONTNEED etc. fail */
#define VMA_STACK        512  /* not counted for RLIMIT_DATA */
#define VMA_SEALED       1024 /* a seal forbids to write to the file through this area */
#define VMA_UFFD         (VMA_UFFD_MISSING | VMA_UFFD_MINOR)

#define PROT_ALL (PROT_READ | PROT_WRITE | PROT_EXEC) /* from <linux/mman.h> */

struct vma {
	struct list_head link;
	unsigned long start, end;
	unsigned int prot;  /* PROT_READ, PROT_WRITE, PROT_EXEC */
	unsigned int flags; /* VMA_* */
	struct file *file;  /* NULL: anonymous and private */
	u64 pgoff;          /* offset of start in the file, in pages */
	struct uffd *uffd;  /* the userfaultfd that handles its faults (VMA_UFFD_*), or NULL */
};

/* The properties of a new area. The caller keeps its reference to `file`. */
struct vma_spec {
	unsigned long addr, len; /* page-aligned; unless fixed, addr is a hint, 0 for none */
	unsigned int prot, flags;
	struct file *file;
	u64 pgoff;
	bool fixed;     /* map exactly at addr; remove existing mappings there */
	bool noreplace; /* with fixed: fail with -EEXIST instead of removing mappings */
};

/* ---- vma.c ---- */
struct vma *vma_find(struct mm *mm, unsigned long addr); /* the area that contains addr, or NULL */
struct vma *vma_next(struct mm *mm, unsigned long addr); /* the first area that ends above addr */
/* Returns the area's address or -errno; -EINVAL: a new or existing huge page would be split. */
long vma_map(struct mm *mm, const struct vma_spec *spec);
int vma_unmap(struct mm *mm, unsigned long start, unsigned long len);
int vma_protect(struct mm *mm, unsigned long start, unsigned long len, unsigned int prot);
/* Set and clear VMA_* flags of the areas (or parts of areas) in [start, end). */
int vma_set_flags(struct mm *mm, unsigned long start, unsigned long end, unsigned int set,
		  unsigned int clear);
/*
 * Register the areas (or parts of areas) in [start, end) with uffd. If uffd is NULL and mode is 0,
 * unregister them.
 */
int vma_set_uffd(struct mm *mm, unsigned long start, unsigned long end, struct uffd *uffd,
		 unsigned int mode);
void vma_forget_uffd(struct mm *mm, const struct uffd *uffd);
/* The area maps a file: can no program ever write to the file through it, even after mprotect()? */
bool vma_is_read_only(const struct vma *vma);
bool vma_range_mapped(struct mm *mm, unsigned long start, unsigned long end);
int vma_copy_all(struct mm *to, struct mm *from); /* for fork; the caller holds both locks */
void vma_free_all(struct mm *mm);

static inline unsigned long vma_flags_page_size(unsigned int flags)
{
	return flags & VMA_GIANT ? SZ_1G : flags & VMA_HUGETLB ? SZ_2M : SZ_4K;
}

static inline unsigned long vma_page_size(const struct vma *vma)
{
	return vma_flags_page_size(vma->flags);
}

/*
 * Round len up to whole pages. Returns false if start is misaligned or the range is not in user
 * space.
 */
static inline bool page_range(unsigned long start, unsigned long *len)
{
	if (start % PAGE_SIZE || *len > USER_END)
		return false;
	*len = ALIGN_UP(*len, PAGE_SIZE);
	return start <= USER_END - *len;
}

void vma_unlock(struct mm *mm); /* unlock mm->lock, then put the files of unmapped areas */

/* ---- mm_walk.c: leaves of the page table ---- */

/*
 * Loops over leaves call mm_walked() to count their steps: the table entries examined, or other
 * work that takes as long. After every WALK_PIECE steps, interrupts are taken and another thread
 * may run. The caller holds mm->lock and no spinlock.
 */
#define WALK_PIECE 2048 /* steps of 3 to 4 instructions each */
#define WALK_STEP  4    /* steps for skipping an area, or empty entries of a higher-level table */
#define WALK_ENTRY 2    /* steps for each of these entries */
#define WALK_LEAF  16   /* steps for a leaf that is changed or counted */
void mm_walked(struct mm *mm, unsigned int steps);

#define AREAS_PIECE 512 /* areas visited between two points at which interrupts are taken */

static inline void vma_visited(struct mm *mm, unsigned int *visited)
{
	if (++*visited % AREAS_PIECE == 0)
		mm_walked(mm, WALK_PIECE);
}

static inline struct vma *vma_after(struct mm *mm, struct vma *vma, unsigned int *visited)
{
	vma_visited(mm, visited);
	return list_entry(vma->link.next, struct vma, link);
}

/*
 * Visit all areas in ascending order. After every AREAS_PIECE areas, interrupts are taken and another
 * thread may run; mm->lock is held, and no spinlock. The body does not remove the area.
 */
#define for_each_vma(vma, mm)                                                       \
	for (unsigned int __visited =                                               \
		     ((vma) = list_first_entry(&(mm)->vmas, struct vma, link), 0U); \
	     &(vma)->link != &(mm)->vmas; (vma) = vma_after((mm), (vma), &__visited))

/*
 * Find the first valid leaf that contains *va or lies between *va and end. Returns its entry and
 * sets *size to its size and *va to its start (which, for a 2M leaf, may be below the *va passed
 * in). NULL: there is none. Calls mm_walked(), so interrupts may be taken.
 */
pte_t *mm_next_leaf(struct mm *mm, unsigned long *va, unsigned long end, unsigned long *size);
/*
 * Like mm_next_leaf(), but panics if the leaf crosses *va or end: most walks must not touch memory
 * outside their range, which may belong to another area, or to no area.
 */
pte_t *mm_next_leaf_within(struct mm *mm, unsigned long *va, unsigned long end,
			   unsigned long *size);
/* Free the level-0 tables that overlap [start, end) and no longer contain a leaf. */
void mm_free_tables(struct mm *mm, unsigned long start, unsigned long end);
/* Split the 2M leaf that crosses va, if any. Returns 0 or -ENOMEM. */
int mm_split_leaf_at(struct mm *mm, unsigned long va);
/*
 * Unmap the pages of [start, end) and drop their references after the fence. No leaf may cross
 * start or end.
 */
void mm_zap(struct mm *mm, unsigned long start, unsigned long end);
/*
 * Return how many 4K pages the leaf adds to mm->total_pages: 0 if it maps the zero page, to which
 * leaves hold no references either (zero_page.c).
 */
static inline unsigned long mm_leaf_pages(pte_t pte, unsigned long size)
{
	return page_is_zero(pte_to_hpa(pte)) ? 0 : size / SZ_4K;
}

void mm_put_leaf_pages(pte_t pte, unsigned long size);
void mm_get_leaf_pages(pte_t pte, unsigned long size);
/* Is the leaf's reference to each of its pages the only one? The zero page counts as shared. */
bool mm_leaf_is_unshared(pte_t pte, unsigned long size);
void mm_notify_start(struct mm *mm, unsigned long start, unsigned long end);
void mm_notify_end(struct mm *mm, unsigned long start, unsigned long end);
/*
 * Call moved() of each notifier: the range has new frames, whose contents may be instructions
 * (struct hv_notifier).
 */
void mm_notify_moved(struct mm *mm, unsigned long start, unsigned long end);

/* Ranges for notifications of an operation on many areas, in ascending order. */
#define MM_RANGES 16
struct mm_ranges {
	unsigned int nr;
	struct mm_range {
		unsigned long start, end;
	} range[MM_RANGES];
};
/*
 * Add a range that does not begin before the last one. Extend the last one instead if !apart,
 * which means that nothing in between has to stay mapped, or if there are MM_RANGES already.
 */
void mm_ranges_add(struct mm_ranges *ranges, unsigned long start, unsigned long end, bool apart);

/* Return the number of mapped 4K pages that are counted elsewhere; see page_is_elsewhere(). */
unsigned long mm_count_elsewhere(struct mm *mm);

/* ---- mm_age.c: pages in use ---- */

struct mm_counts { /* counts of an area's 4K pages */
	unsigned long present, young, huge;
};

/* Clear the accessed bits of [start, end), in the process's page table and in guests' G-stages. */
void mm_age(struct mm *mm, unsigned long start, unsigned long end);
/*
 * Like mm_age() for one leaf, but without interrupting other harts: a program's accesses through a
 * translation that another hart has cached do not set A until that hart's next fence or switch of
 * address spaces. Linux's page_idle does the same; mm_age() for single pages would be too slow.
 */
void mm_age_leaf(struct mm *mm, unsigned long va, pte_t *pte, unsigned long size);
/* Has the memory of this leaf been used since mm_age(), by the process or a guest? */
bool mm_is_young(struct mm *mm, unsigned long va, pte_t pte, unsigned long size);
void mm_count(struct mm *mm, const struct vma *vma, struct mm_counts *counts);

/* ---- collapse.c ---- */

/*
 * MADV_COLLAPSE: make each aligned 2 MiB part of [start, end) one block. Returns 0 or the last
 * error: -EINVAL (there is no such part, or a part is empty or cannot become one block), -EAGAIN (a
 * page has another reference) or -ENOMEM.
 */
int mm_collapse(struct mm *mm, unsigned long start, unsigned long end);

/* ---- fault.c ---- */

/* Return the most permissive PTE flags for an area with this protection. */
unsigned long vma_pte_flags(unsigned int prot);
/* A fault that is being handled, on the stack of the thread. */
struct mm_fault {
	bool write, exec;      /* set by the caller; as for mm_fault() */
	struct uffd_wait uffd; /* the caller sets uffd.user */
	hpa_t page;            /* a page for the fault that is not mapped; 0: none */
	bool is_new;           /* `page` has not got its contents yet */
	bool no_block;         /* 2 MiB were not free or did not fit: the next try takes 4 KiB */
	unsigned long size;    /* of `page`: SZ_4K or SZ_2M */
	hpa_t from;            /* what `page` is a copy of, with references; 0: zeroes */
};
/*
 * Like mm_fault(), but with mm->lock held and without waiting. Returns -ENOMEM instead of waiting
 * for memory. -EAGAIN: release mm->lock, call mm_fault_continue(), and try again. After the last
 * try, call mm_fault_end().
 */
int mm_fault_locked(struct mm *mm, unsigned long va, struct mm_fault *fault);
/*
 * Map a page of 2 MiB (VMA_HUGETLB) or 4 KiB at va, where nothing is mapped. Returns 0 and takes
 * over the caller's reference to the page, or returns -ENOMEM.
 */
int mm_install_page(struct mm *mm, const struct vma *vma, unsigned long va, hpa_t pa);
void mm_sync_icache(struct mm *mm); /* after writing instructions: fence.i wherever mm runs */

/* ---- fault_page.c ---- */

/*
 * Call without mm->lock, before the first mm_fault_locked(): if the fault probably needs a cleared
 * page of 4 KiB, prepare one. May be omitted; the fault then takes longer.
 */
void mm_fault_begin(struct mm_fault *fault);
/*
 * Without mm->lock: wait for the userfaultfd, or give the fault's page its contents. Returns 0, or
 * -EINTR as uffd_sleep().
 */
int mm_fault_continue(struct mm_fault *fault);
void mm_fault_free_page(struct mm_fault *fault);
/* Free the page if the fault did not need it. */
static inline void mm_fault_end(struct mm_fault *fault)
{
	if (fault->page)
		mm_fault_free_page(fault);
}

/*
 * mm->lock held. Set *page to a page of `size` that is a copy of `from`, or of zeroes if `from` is
 * 0. Returns 0, -EAGAIN (see mm_fault_locked()) or -ENOMEM.
 */
int mm_fault_take_page(struct mm_fault *fault, unsigned long size, hpa_t from, hpa_t *page);
/*
 * mm->lock held. Take a page from the pool of hugetlb.c and copy `from` to it, or clear it if `from`
 * is 0. Returns 0 if the pool is empty.
 */
hpa_t mm_fault_huge_page(hpa_t from);
/*
 * The same for zeroes: 2 MiB if `block` is true and there is enough memory, otherwise 4 KiB. Sets
 * *size.
 */
int mm_fault_take_zeroes(struct mm_fault *fault, bool block, unsigned long *size, hpa_t *page);

/* ---- zero_page.c ---- */

/*
 * Handle the first store to memory whose leaf at `pte` maps the zero page: give the leaf memory of
 * its own, or only the 4K page at va. Returns 0, -EAGAIN (see mm_fault_locked()) or -ENOMEM.
 */
int mm_replace_zeroes(struct mm *mm, const struct vma *vma, unsigned long va, pte_t *pte,
		      unsigned long size, struct mm_fault *fault);

/* ---- limits.c ---- */
bool mm_may_have_areas(const struct mm *mm, unsigned int more);
#define AREAS_OF_MOVE 4 /* as on Linux, mremap() moves pages only if it may add this many areas */
/*
 * Check the limits for mmap(), brk() to `end` and mremap(). Return 0, -ENOMEM or -EAGAIN
 * (RLIMIT_MEMLOCK).
 */
int mm_may_map(struct mm *mm, const struct vma_spec *spec);
int mm_may_brk(struct mm *mm, unsigned long end);
int mm_may_remap(struct mm *mm, const struct vma *vma, unsigned long old_len,
		 unsigned long new_len);
bool mm_may_make_writable(struct mm *mm, unsigned long start, unsigned long end);
bool mm_can_lock(void); /* false: RLIMIT_MEMLOCK is 0 */
bool mm_may_lock(struct mm *mm, unsigned long start, unsigned long end);
bool mm_may_lock_all(struct mm *mm);
bool mm_is_within_limits(struct mm *mm); /* for execve(), after building the address space */
void mm_limits_init(void);

/* ---- sys_madvise.c ---- */
/*
 * Fault in [start, end). Returns 0 or the error of the first page that failed: -EFAULT (an access
 * would raise SIGSEGV), -EIO (an access would raise SIGBUS) or -EINTR (the thread is being killed;
 * -EFAULT if it was waiting for a userfaultfd). Takes mm->lock.
 */
int mm_populate(struct mm *mm, unsigned long start, unsigned long end, bool write);

/* ---- mm.c ---- */
/* Create the file of zeroes behind a shared anonymous mapping; NULL: no memory. */
struct file *shared_anon_file(unsigned long size, bool hugetlb);
/* Copy an address space, for fork; NULL: no memory. Takes the locks of both address spaces. */
struct mm *mm_copy(struct mm *from);
/* Map the rt_sigreturn page, which every process has. Returns 0 or -ENOMEM. Takes mm->lock. */
int mm_map_sigreturn(struct mm *mm);
/*
 * Like hv_user_page_get(), but also works for a thread that is being killed, and returns -EIO, not
 * -EFAULT, if an access would raise SIGBUS. Takes mm->lock.
 */
struct hv_user_page;
int mm_page_get(struct mm *mm, unsigned long va, bool write, struct hv_user_page *page);
/*
 * Write into an address space from the kernel, faulting pages in. Returns 0 or -errno. Takes
 * mm->lock.
 */
int mm_write(struct mm *mm, unsigned long addr, const void *src, size_t size);

#endif
