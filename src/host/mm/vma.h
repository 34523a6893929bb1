// SPDX-License-Identifier: MIT
/*
 * vma.h - areas of an address space, and the operations on ranges of it.
 *
 * Unless said otherwise callers hold mm->lock.
 */
#ifndef HOST_VMA_H
#define HOST_VMA_H

#include "hv/list.h"
#include "hv/types.h"
#include "platform/layout.h"
#include "hv/bits.h"
#include "mm.h"

#define VMA_SHARED       1
#define VMA_NO_HUGE      2 /* stacks, MADV_NOHUGEPAGE: 4K pages only */
#define VMA_DONTFORK     4
#define VMA_WIPEFORK     8
#define VMA_UFFD_MISSING 16  /* pages that are not there are the program's to give (userfaultfd) */
#define VMA_UFFD_MINOR   32  /* pages that only the file has are the program's to map */
#define VMA_HUGETLB      64  /* of 2 MiB pages of hugetlb.c, and nothing else */
#define VMA_GIANT        128 /* with VMA_HUGETLB: of 1 GiB pages, each of 512 leaves of 2 MiB */
#define VMA_LOCKED       256 /* set by mlock(); only counts for RLIMIT_MEMLOCK */
#define VMA_STACK        512 /* does not count for RLIMIT_DATA */
#define VMA_UFFD         (VMA_UFFD_MISSING | VMA_UFFD_MINOR)

#define PROT_ALL (PROT_READ | PROT_WRITE | PROT_EXEC) /* of <linux/mman.h> */

struct vma {
	struct list_head link;
	unsigned long start, end;
	unsigned int prot;  /* PROT_READ, PROT_WRITE, PROT_EXEC */
	unsigned int flags; /* VMA_* */
	struct file *file;  /* NULL: anonymous and private */
	u64 pgoff;          /* of start in the file, in pages */
	struct uffd *uffd;  /* NULL, or who answers its faults: VMA_UFFD_* */
};

/* What a new area is to be; file's reference stays the caller's. */
struct vma_spec {
	unsigned long addr, len; /* page-aligned; addr 0 with !fixed: anywhere */
	unsigned int prot, flags;
	struct file *file;
	u64 pgoff;
	bool fixed;     /* at addr; what is there goes away */
	bool noreplace; /* with fixed: -EEXIST if something is there */
};

/* ---- vma.c ---- */
struct vma *vma_find(struct mm *mm, unsigned long addr); /* the area that contains addr, or NULL */
struct vma *vma_next(struct mm *mm, unsigned long addr); /* the first area that ends above addr */
/* The new area's address, or -errno; -EINVAL: it would not consist of whole huge pages. */
long vma_map(struct mm *mm, const struct vma_spec *spec);
int vma_unmap(struct mm *mm, unsigned long start, unsigned long len);
int vma_protect(struct mm *mm, unsigned long start, unsigned long len, unsigned int prot);
/* Sets and clears VMA_* flags of [start, end), which must be mapped throughout. */
int vma_set_flags(struct mm *mm, unsigned long start, unsigned long end, unsigned int set,
		  unsigned int clear);
/* Registers the areas in [start, end), or parts of them, with uffd, or with nobody (NULL, 0). */
int vma_set_uffd(struct mm *mm, unsigned long start, unsigned long end, struct uffd *uffd,
		 unsigned int mode);
void vma_forget_uffd(struct mm *mm, const struct uffd *uffd);
bool vma_range_mapped(struct mm *mm, unsigned long start, unsigned long end);
int vma_copy_all(struct mm *to, struct mm *from); /* fork: areas and pages; both locked */
void vma_free_all(struct mm *mm);

static inline unsigned long vma_flags_page_size(unsigned int flags)
{
	return flags & VMA_GIANT ? SZ_1G : flags & VMA_HUGETLB ? SZ_2M : SZ_4K;
}

static inline unsigned long vma_page_size(const struct vma *vma)
{
	return vma_flags_page_size(vma->flags);
}

/* Rounds len up to pages; false if [start, start + len) is not a range of user addresses. */
static inline bool page_range(unsigned long start, unsigned long *len)
{
	if (start % PAGE_SIZE || *len > USER_END)
		return false;
	*len = ALIGN_UP(*len, PAGE_SIZE);
	return start <= USER_END - *len;
}

void vma_unlock(struct mm *mm); /* mm->lock; then drops the files of what was unmapped */

/* ---- mm_walk.c: leaves of the page table ---- */

/*
 * For loops over leaves: so many entries of tables were looked at, or steps as long were done. After
 * WALK_PIECE of them interrupts are taken, and another thread may run. mm->lock, and nothing spinning.
 */
#define WALK_PIECE 2048 /* of 3 to 4 instructions each */
#define WALK_LEAF  16   /* what a leaf costs who does something with it */
void mm_walked(struct mm *mm, unsigned int steps);
/*
 * The first valid leaf that covers or follows *va below end: its entry, its size, and
 * in *va where it starts (a 2M leaf's start may lie below the *va given). NULL: none.
 * Takes interrupts by mm_walked().
 */
pte_t *mm_next_leaf(struct mm *mm, unsigned long *va, unsigned long end, unsigned long *size);
/*
 * The same for walks that remove, move or change leaves: panics if the leaf crosses *va or end. The
 * part of such a leaf outside the range belongs to another area, or to none.
 */
pte_t *mm_next_leaf_within(struct mm *mm, unsigned long *va, unsigned long end,
			   unsigned long *size);
/* Free the level-0 tables that [start, end) touches and that have no leaf any more. mm->lock. */
void mm_free_tables(struct mm *mm, unsigned long start, unsigned long end);
/* So that no 2M leaf crosses va; 0 or -ENOMEM. */
int mm_split_leaf_at(struct mm *mm, unsigned long va);
/* Removes the pages of [start, end), which no leaf crosses; frees them after the fence. */
void mm_zap(struct mm *mm, unsigned long start, unsigned long end);
void mm_put_leaf_pages(pte_t pte, unsigned long size);
void mm_get_leaf_pages(pte_t pte, unsigned long size);
void mm_notify_start(struct mm *mm, unsigned long start, unsigned long end);
void mm_notify_end(struct mm *mm, unsigned long start, unsigned long end);
/* Between the two, when the pages' contents stand in other frames by now. */
void mm_notify_moved(struct mm *mm, unsigned long start, unsigned long end);

/* How many mapped 4K pages are counted elsewhere: charged to an account, or of a pool. */
unsigned long mm_count_elsewhere(struct mm *mm);

/* ---- mm_age.c: pages in use ---- */

struct mm_counts { /* of an area, in 4K pages */
	unsigned long present, young, huge;
};

/* Take the young marks of [start, end) away, also in guests. */
void mm_age(struct mm *mm, unsigned long start, unsigned long end);
/* Was the page of this leaf used since? */
bool mm_is_young(struct mm *mm, unsigned long va, pte_t pte, unsigned long size);
void mm_count(struct mm *mm, const struct vma *vma, struct mm_counts *counts);

/* ---- collapse.c ---- */

/*
 * MADV_COLLAPSE: every whole 2 MiB of [start, end) becomes one block. 0, or why the last that
 * did not could not: -EINVAL, -EAGAIN (a page is held), -ENOMEM.
 */
int mm_collapse(struct mm *mm, unsigned long start, unsigned long end);

/* ---- fault.c ---- */

/* The PTE flags that an area's protection allows at most. */
unsigned long vma_pte_flags(unsigned int prot);
/*
 * As mm_fault(), with mm->lock held; -EAGAIN: unlock, uffd_sleep(wait), try again. wait->user is
 * the caller's.
 */
struct uffd_wait;
int mm_fault_locked(struct mm *mm, unsigned long va, bool write, bool exec, struct uffd_wait *wait);
/* Maps a page of the area (vma_page_size()), whose reference it takes, where nothing is. 0 or -ENOMEM. */
int mm_install_page(struct mm *mm, const struct vma *vma, unsigned long va, hpa_t pa);
void mm_sync_icache(struct mm *mm); /* instructions were written: fence.i wherever mm runs */

/* ---- limits.c ---- */
bool mm_may_have_areas(const struct mm *mm, unsigned int more);
#define AREAS_OF_MOVE 4 /* mremap() fails unless so many areas may be added: Linux's margin */
/* Checks of mmap(), brk() up to `end`, mremap(). 0, -ENOMEM, or -EAGAIN (RLIMIT_MEMLOCK). */
int mm_may_map(struct mm *mm, const struct vma_spec *spec);
int mm_may_brk(struct mm *mm, unsigned long end);
int mm_may_remap(struct mm *mm, const struct vma *vma, unsigned long old_len,
		 unsigned long new_len);
bool mm_may_make_writable(struct mm *mm, unsigned long start, unsigned long end);
bool mm_can_lock(void); /* false: RLIMIT_MEMLOCK is 0 */
bool mm_may_lock(struct mm *mm, unsigned long start, unsigned long end);
bool mm_may_lock_all(struct mm *mm);
bool mm_is_within_limits(struct mm *mm); /* for execve(), after it built the address space */
void mm_limits_init(void);

/* ---- sys_madvise.c ---- */
/*
 * Fault in [start, end). 0, or the error of the first page that failed: -EFAULT (an access would raise
 * SIGSEGV), -EIO (SIGBUS), -EINTR (the process is ending). Takes mm->lock.
 */
int mm_populate(struct mm *mm, unsigned long start, unsigned long end, bool write);

/* ---- mm.c ---- */
/* A file of zeroes behind a shared anonymous mapping; NULL: no memory. */
struct file *shared_anon_file(unsigned long size, bool hugetlb);
/* Fork: a copy; NULL: no memory. Takes the locks itself. */
struct mm *mm_copy(struct mm *from);
/* A user page that every process has, with the rt_sigreturn call; -ENOMEM. */
int mm_map_sigreturn(struct mm *mm);
/* hv_user_page_get() also for a thread that is being killed. */
struct hv_user_page;
int mm_page_get(struct mm *mm, unsigned long va, bool write, struct hv_user_page *page);
/* Write into an address space from the kernel, faulting pages in; 0 or -EFAULT. Takes the lock. */
int mm_write(struct mm *mm, unsigned long addr, const void *src, size_t size);

#endif
