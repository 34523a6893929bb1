// SPDX-License-Identifier: MIT
/*
 * mm.h - an address space: its page table (pgtable.c) and its areas (vma.c).
 *
 * Lock: mm->lock (a mutex) for the areas and for every change of the user half of
 * the page table. Order: vcpu > mm->lock > the core's mmu_lock.
 */
#ifndef HOST_MM_H
#define HOST_MM_H

#include "hv/list.h"
#include "hv/pte.h"
#include "hv/types.h"
#include "sched/wait.h"

struct file;

struct mm {
	u32 users;           /* processes that run in it; at 0 it is emptied */
	u32 refs;            /* of this struct: all users together, and VMs */
	hpa_t root;          /* Sv39 root table */
	unsigned long harts; /* harts whose satp is this root: atomic bit mask */
	struct mutex lock;
	struct list_head all_link;   /* mm.c: for mm_next() */
	struct list_head vmas;       /* by address */
	struct list_head dead_vmas;  /* unmapped; their files are put after the lock */
	struct list_head spare_vmas; /* allocated in advance by mremap(), for splits */
	unsigned long brk_start, brk;
	unsigned long mmap_top;     /* new mappings are placed below */
	unsigned long sigreturn;    /* user page with the rt_sigreturn call */
	struct list_head notifiers; /* struct hv_notifier, under lock */
	u64 notifier_lock_depth;
	unsigned int walked;           /* since interrupts were taken: mm_walked() */
	unsigned long nr_areas;        /* in vmas */
	unsigned int new_flags;        /* VMA_LOCKED: set on every new area (mlockall()) */
	unsigned long total_pages;     /* 4K pages mapped, for /proc and oom.c */
	unsigned long elsewhere_pages; /* of them, those that oom.c counts elsewhere */
	u32 counted_in; /* oom.c: the last round of set_footprints() that counted the pages */
	unsigned long arg_start, arg_end, env_start, env_end;
	struct file *exe;
	unsigned long icache_stale; /* harts that owe a fence.i before they run it: bit mask */
};

/* ---- pgtable.c: the table alone. Callers hold mm->lock. ---- */

extern hpa_t kernel_root;
void pgtable_init(hpa_t load);                        /* `load`: where the kernel image starts */
void pgtable_set_kernel(unsigned long va, hpa_t mid); /* at boot: the table that maps 1 GiB at va */

/* kstack.c: KSTACK_SIZE zeroed bytes above an unmapped page; NULL: no memory. */
void kstack_init(void); /* before page_init_finish() */
void *kstack_alloc(void);
void kstack_free(void *stack);

int pgtable_init_mm(struct mm *mm);  /* a root with the kernel's half; -ENOMEM */
void pgtable_free_mm(struct mm *mm); /* the tables; user pages must be gone */

/*
 * The entry that maps va, and its size (SZ_4K, SZ_2M); NULL if none is valid. With `alloc`
 * tables are made down to `size` and the entry may be empty; a 2M leaf in the way of
 * SZ_4K is split. NULL then: no memory.
 */
pte_t *pgtable_find(struct mm *mm, unsigned long va, unsigned long *size);
pte_t *pgtable_alloc(struct mm *mm, unsigned long va, unsigned long size);
/* Frees an empty level-0 table, so that a 2M leaf can take its place. True if it was (or is) empty. */
bool pgtable_collapse_empty(struct mm *mm, unsigned long va);

/* Fences: this hart and every other that runs mm. size SZ_4K.. or ~0UL: all of it. */
void mm_flush_tlb(struct mm *mm, unsigned long va, unsigned long size);
void mm_activate(struct mm *next); /* put it into satp of this hart; NULL: the kernel's own table */

/* User leaf flags that every mapping has. */
#define PTE_USER_BASE (PTE_V | PTE_U | PTE_A | PTE_D)

/* ---- vma.c, fault.c: areas and their pages (process layer) ---- */

struct mm *mm_create(void);
void mm_get(struct mm *mm);
void mm_put(struct mm *mm); /* may sleep; the last one frees everything */
/* The next address space in use, held; puts prev. NULL: the first, and no more. May sleep. */
struct mm *mm_next(struct mm *prev);

/*
 * Make va usable for the access (write, exec); called by the trap handler and by
 * uaccess. 0, -EFAULT (SIGSEGV), -ENOMEM, -EIO (SIGBUS). May sleep. `user`: the access is
 * the program's own, which faults again if a signal ended the wait for its userfaultfd.
 */
int mm_fault(struct mm *mm, unsigned long va, bool write, bool exec, bool user);

#endif
