// SPDX-License-Identifier: MIT
/*
 * mm.h - an address space: its page table (pgtable.c) and its areas (vma.c).
 *
 * Lock: mm->lock (a mutex) protects the areas and every change to the user half of
 * the page table. Order: vcpu->mutex > mm->lock > the core's mmu_lock.
 */
#ifndef HOST_MM_H
#define HOST_MM_H

#include "hv/hartmask.h"
#include "hv/list.h"
#include "hv/pte.h"
#include "hv/types.h"
#include "sched/wait.h"

struct file;

struct mm {
	u32 users;  /* processes and mm_next() callers; at 0, areas and pages are freed */
	u32 refs;   /* references: one for all users, one per hv_mm_hold_current() */
	hpa_t root; /* Sv39 root table */
	struct hv_hartmask harts; /* harts that have this root in satp; atomic */
	struct hv_hartmask
		icache_stale; /* harts that need a fence.i before using this mm; atomic */
	struct mutex lock;
	struct list_head all_link; /* mm.c: link in the list of all structs */
	struct list_head vmas;     /* sorted by address */
	struct vma *found;         /* the area that vma_find() returned last; NULL: it is removed */
	struct list_head dead_vmas;  /* unmapped; vma_unlock() puts their files */
	struct list_head spare_vmas; /* allocated in advance by mremap(), for splits */
	unsigned long brk_start, brk;
	unsigned long mmap_top;     /* new mappings are placed below this address */
	unsigned long sigreturn;    /* user page with the rt_sigreturn call */
	struct list_head notifiers; /* struct hv_notifier; protected by lock */
	unsigned long peek_seq;     /* pgtable_find.c; written with lock held */
	unsigned int walked;        /* steps since mm_walked() last took interrupts */
	unsigned long nr_areas;     /* length of vmas */
	unsigned int new_flags;     /* flags for every new area: VMA_LOCKED after MCL_FUTURE */
	unsigned long total_pages;  /* 4K pages mapped; /proc and oom.c read it without the lock */
	unsigned long elsewhere_pages; /* those of total_pages that are not in oom.c's footprint */
	u32 counted_in; /* oom.c: the last round of set_footprints() that counted the pages */
	bool activated; /* mm_activate() has loaded it, so a program may have run in it */
	unsigned long arg_start, arg_end, env_start, env_end;
	struct file *exe;
};

/* ---- pgtable.c: the page table. To find or change an mm's entries, hold mm->lock. ---- */

extern hpa_t kernel_root;
void pgtable_init(hpa_t load);                        /* `load`: where the kernel image starts */
void pgtable_set_kernel(unsigned long va, hpa_t mid); /* at boot: set the table for 1 GiB at va */

void kstack_init(void); /* kstack.c; call before page_init_finish() */
/* Allocate KSTACK_SIZE zeroed bytes above an unmapped page; NULL: no memory. */
void *kstack_alloc(void);
void kstack_free(void *stack);

int pgtable_init_mm(struct mm *mm);  /* allocate a root with the kernel's half; < 0: no memory */
void pgtable_free_mm(struct mm *mm); /* free the tables; user pages must be gone */

/*
 * The entry, possibly empty, for a leaf of `size` at va. Creates missing tables, and splits a 2M
 * leaf if `size` is SZ_4K. NULL: no memory.
 */
pte_t *pgtable_alloc(struct mm *mm, unsigned long va, unsigned long size);
/*
 * Free va's level-0 table if it is empty. Returns true if va's 2 MiB now have neither table nor
 * leaf.
 */
bool pgtable_collapse_empty(struct mm *mm, unsigned long va);

/*
 * Store a leaf for a page that has just been cleared or filled. Release: a hart that finds the leaf,
 * with its page-table walker or with pgtable_peek(), also finds the page's contents.
 */
static inline void pte_publish(pte_t *pte, pte_t leaf)
{
	__atomic_store_n(pte, leaf, __ATOMIC_RELEASE);
}

/* ---- pgtable_find.c ---- */

/* Return the leaf that maps va, and its size (SZ_4K, SZ_2M); NULL if va is not mapped. */
pte_t *pgtable_find(const struct mm *mm, unsigned long va, unsigned long *size);
/*
 * Read the leaf that maps va, and its size, without mm->lock. mm is the caller's own address space.
 * Returns false if va is not mapped, or if the page table changes meanwhile. If the entry has been
 * changed after it was found, *leaf may be any entry. On return, the leaf may already have changed:
 * hv_user_page_look() says what callers must do.
 */
bool pgtable_peek(const struct mm *mm, unsigned long va, pte_t *leaf, unsigned long *size);
/*
 * The functions below are called with mm->lock held. peek_invalidate() is called after a table was
 * unlinked and before it is freed. Between peek_stop() and peek_resume(), pgtable_peek() finds
 * nothing.
 */
static inline void peek_invalidate(struct mm *mm)
{
	__atomic_fetch_add(&mm->peek_seq, 2, __ATOMIC_SEQ_CST);
}

static inline void peek_stop(struct mm *mm)
{
	__atomic_fetch_add(&mm->peek_seq, 1, __ATOMIC_SEQ_CST);
}

static inline void peek_resume(struct mm *mm)
{
	__atomic_fetch_add(&mm->peek_seq, 1, __ATOMIC_SEQ_CST);
}

/*
 * Fence [va, va + size) on every hart with mm in satp, including this one; size ~0UL: everything.
 */
void mm_flush_tlb(struct mm *mm, unsigned long va, unsigned long size);
void mm_activate(struct mm *next); /* load into this hart's satp; NULL: the kernel's own table */

/* Flags of every new user leaf, except those of PROT_NONE pages. */
#define PTE_USER_BASE (PTE_V | PTE_U | PTE_A | PTE_D)

/* ---- mm.c, fault.c: address spaces and page faults (process layer) ---- */

struct mm *mm_create(void);
void mm_get(struct mm *mm);
void mm_put(struct mm *mm); /* may sleep; the last put frees the areas and pages */
/*
 * Return the address space in use that follows prev (NULL: the first one), with a reference
 * (mm_put()), and put prev. Returns NULL after the last one. May sleep.
 */
struct mm *mm_next(struct mm *prev);
/*
 * The same with references to the structs only, so that no area or file is freed here, and locks may
 * be held that files take when they are freed. To access the page table, hold mm->lock and check
 * mm_is_used(): the last user frees the table only after it has taken mm->lock. A struct may have no
 * user.
 */
struct mm *mm_next_struct(struct mm *prev);
bool mm_is_used(const struct mm *mm);

/*
 * Make va accessible: for a store (`write`), an instruction fetch (`exec`), or otherwise a load.
 * The trap handler calls this for the accesses of the program and of uaccess.c; futex.c calls it
 * too. Return 0, -EFAULT (SIGSEGV) or -EIO (SIGBUS). May sleep. `user`: the program itself made the
 * access and will repeat it, so 0 is also returned if a wait was ended early (by a signal, or
 * because the thread is being killed). Without `user`, -EFAULT is returned in that case.
 */
int mm_fault(struct mm *mm, unsigned long va, bool write, bool exec, bool user);

#endif
