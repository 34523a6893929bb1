// SPDX-License-Identifier: MIT
/*
 * page.h - physical pages: a buddy allocator, reference counts, small objects.
 *
 * Every 4K page has a struct page. A block of 2^order pages is that many
 * ordinary pages, each with its own reference count: whoever splits a 2M leaf
 * changes a page table only, and pages go back one by one.
 */
#ifndef HOST_PAGE_H
#define HOST_PAGE_H

#include "hv/list.h"
#include "hv/types.h"
#include "platform/layout.h"

#define PAGE_MAX_ORDER 10 /* blocks of at most 4 MiB */
#define ORDER_2M       9

enum page_kind {
	PAGE_OTHER = 0, /* reserved, or allocated by page_alloc() */
	PAGE_FREE,      /* first page of a free block, in the list of its order */
	PAGE_SLAB,      /* holds kmalloc() objects of one size */
	PAGE_BIG,       /* first page of a kmalloc() block of 2^order pages */
	PAGE_HUGE,      /* first page of a block of hugetlb.c, in use or in its pool */
	PAGE_GIANT,     /* first page of each 2 MiB of a block of hugetlb_1g.c */
};

struct account;

struct page {
	u32 refs; /* atomic; 0: free */
	u8 order; /* PAGE_FREE, PAGE_BIG: of the block that starts here */
	u8 kind;  /* enum page_kind */
	u8 slab_class;
	u8 pad;
	u32 slab_used;         /* objects in use; PAGE_HUGE: pages without a reference */
	u32 slab_free;         /* first free object: its offset plus 1; 0: none */
	struct account *owner; /* the account it is charged to (account.h), or NULL */
	struct list_head link; /* free list, or slab list */
};

/* RAM less what is reserved, from the device tree; page structs are carved out of it. */
void page_init(hpa_t image_start, hpa_t image_end);
/* Contiguous memory of any size, cleared, for good; 0: none. Only before page_init_finish(). */
hpa_t page_boot_alloc(u64 size, u64 align);
/* What is left goes to the allocator. */
void page_init_finish(void);
/* Give [start, end) to the allocator: memory that was reserved at boot. */
void page_add_range(hpa_t start, hpa_t end);
void page_ram_range(hpa_t *start, hpa_t *end); /* the lowest and the highest address of RAM */
struct page *page_of(hpa_t pa);                /* NULL: not RAM */
hpa_t page_to_hpa(const struct page *page);

/*
 * 2^order pages, each with one reference, block-aligned; not cleared. 0: none. They are charged to the
 * calling thread's account, except those of page_alloc_user*(), which are for address spaces (where
 * mm->total_pages counts them) and for pools.
 */
hpa_t page_alloc(unsigned int order);
hpa_t page_alloc_zeroed(unsigned int order);
hpa_t page_alloc_user(unsigned int order);
hpa_t page_alloc_user_zeroed(unsigned int order);
void page_missed(void); /* record that the calling thread got no page */
/* Has the thread missed a page since it entered the kernel, or since the last page_miss_forget()? */
bool page_was_missed(void);
void page_miss_forget(void);
/* Charge pages from page_alloc_user() to the calling thread's account. */
void page_charge(hpa_t pa, unsigned long pages);
/* Drop the reference that the allocation gave, of all 2^order pages. */
void page_free(hpa_t pa, unsigned int order);

void page_get(hpa_t pa); /* one 4K page; no-op for what is not RAM */
void page_put(hpa_t pa); /* frees at zero */
u32 page_refs(hpa_t pa);
bool page_is_elsewhere(hpa_t pa); /* page in use: charged, or of a pool, or not the allocator's */
bool page_is_ram(hpa_t pa);
size_t page_free_count(void);           /* 4K pages */
size_t page_total_count(void);          /* 4K pages */
void page_clear(void *va, size_t size); /* by cbo.zero where the hart has it */
/*
 * 2 MiB of zeroes, in pieces between which interrupts are taken and another thread may run: nothing
 * spinning is locked.
 */
hpa_t page_alloc_zeroed_block(void); /* as page_alloc_user(); 0: no memory */
void page_clear_block(hpa_t pa);
void page_clear_init(void); /* once the ISA string is known */

/* Cleared memory of any size up to 4 MiB; NULL if there is none. kfree(NULL) is allowed. */
void *kmalloc(size_t size);
void kfree(void *p);

/* Objects of one size: bytes each, how many are in use, pages that hold such. */
struct kmalloc_class {
	size_t size, used, pages;
};

bool kmalloc_class(unsigned int class, struct kmalloc_class *info); /* false: no such class */

#endif
