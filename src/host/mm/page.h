// SPDX-License-Identifier: MIT
/*
 * page.h - physical pages: a buddy allocator, reference counts, small objects.
 *
 * Every 4K page has a struct page. A block of 2^order pages consists of ordinary pages, each with
 * its own reference count. Therefore, splitting a 2M leaf changes only the page table, and the
 * pages that the leaf mapped can be freed one by one.
 */
#ifndef HOST_PAGE_H
#define HOST_PAGE_H

#include "hv/list.h"
#include "hv/types.h"
#include "platform/layout.h"

#define PAGE_MAX_ORDER 10 /* blocks of at most 4 MiB */
#define ORDER_2M       9

enum page_kind {
	PAGE_OTHER = 0, /* all other pages: reserved, from page_alloc(), or inside a block */
	PAGE_FREE,      /* first page of a free block, in the list of its order */
	PAGE_SLAB,      /* contains kmalloc() objects of one size */
	PAGE_BIG,       /* first page of a kmalloc() block of 2^order pages */
	PAGE_HUGE,      /* first page of a block of hugetlb.c, in use or in its pool */
	PAGE_GIANT,     /* first page of each 2 MiB of a block of hugetlb_1g.c */
};

struct account;
struct mm;

struct page {
	u64 refs; /* atomic; 0: free. A program can map a page more than 2^32 times */
	u8 order; /* of the block that starts here: PAGE_FREE, PAGE_BIG, blocks of shortage.c */
	u8 kind;  /* enum page_kind; written by the page's user or under page_lock, read by all */
	u8 slab_class;
	bool idle; /* page_idle.c; meaningful only while the page is mapped */
	union {
		struct {
			u16 slab_used; /* objects in use */
			u16 slab_free; /* offset of the first free object, plus 1; 0: none */
		};
		u32 unreferenced; /* atomic; PAGE_HUGE, PAGE_GIANT: number of these pages */
	};
	struct account *owner; /* the account it is charged to (account.h), or NULL */
	union {
		struct list_head link; /* in a list of free blocks, of slabs, or of shortage.c */
		struct { /* PAGE_OTHER, in use: where page_idle.c found it mapped; or stale */
			const struct mm *mm;
			unsigned long va;
		} seen;
	};
};

/* Find usable RAM in the device tree, and allocate the array of struct page from it. */
void page_init(hpa_t image_start, hpa_t image_end);
/*
 * Allocate contiguous memory of any size, cleared; it is never freed. Returns 0 if there is not
 * enough memory. Call only before page_init_finish().
 */
hpa_t page_boot_alloc(u64 size, u64 align);
/* Give all memory that is still free to the allocator. */
void page_init_finish(void);
void page_ram_range(hpa_t *start, hpa_t *end); /* [*start, *end) contains all usable RAM */
struct page *page_of(hpa_t pa);                /* NULL: not RAM */
hpa_t page_to_hpa(const struct page *page);

/*
 * Allocate a block of 2^order pages, aligned to its size, with one reference to each page. Return 0
 * if no such block is free. Only the *_zeroed() variants clear the pages. Pages are charged to the
 * calling thread's account, except those of page_alloc_user*(), which are for address spaces
 * (mm->total_pages counts them) and for pools.
 */
hpa_t page_alloc(unsigned int order);
hpa_t page_alloc_zeroed(unsigned int order);
hpa_t page_alloc_user(unsigned int order);
hpa_t page_alloc_user_zeroed(unsigned int order);
void page_missed(void); /* record that the calling thread got no page */
/* Has the calling thread missed a page since it entered the kernel or called page_miss_forget()? */
bool page_was_missed(void);
void page_miss_forget(void);
/* Charge pages from page_alloc_user() to the calling thread's account. */
void page_charge(hpa_t pa, unsigned long pages);
/* Drop the allocation's reference to each of the 2^order pages. */
void page_free(hpa_t pa, unsigned int order);

void page_get(hpa_t pa); /* takes a reference to one 4K page; no-op if it is not RAM */
void page_put(hpa_t pa); /* drops a reference; the last one frees the page */
u64 page_refs(hpa_t pa);
/* For a page in use: is it charged to a live process, from a huge-page pool, or not RAM? */
bool page_is_elsewhere(hpa_t pa);
size_t page_free_count(void);  /* 4K pages */
size_t page_total_count(void); /* 4K pages */
/*
 * True if more than a sixteenth of memory is free. Otherwise, anonymous memory is allocated page by
 * page: the untouched pages of a 2 MiB block would be missing elsewhere, and small leaves can be
 * collapsed later (collapse.c).
 */
bool page_is_plenty(void);
void page_clear(void *va, size_t size); /* uses cbo.zero if the harts have it */
/*
 * page_alloc_zeroed_block() and page_clear_block() clear 2 MiB in pieces. After each piece,
 * interrupts are taken and another thread may run, so the caller must not hold a spinlock.
 */
hpa_t page_alloc_zeroed_block(void); /* as page_alloc_user(); 0: no memory */
void page_clear_block(hpa_t pa);
void page_clear_init(void); /* call when the ISA string is known */

/* ---- zero_page.c ---- */

extern hpa_t zero_page_pa; /* 2 MiB, aligned; an odd number before its first use */
static inline bool page_is_zero(hpa_t pa)
{
	return ALIGN_DOWN(pa, (hpa_t)SZ_2M) == __atomic_load_n(&zero_page_pa, __ATOMIC_RELAXED);
}

extern bool zero_page_enabled; /* parameter zero_page */
/* Return the zero page, or 0 if there is too little memory. May take interrupts. */
hpa_t zero_page_get(void);
void zero_page_init(void); /* register the parameter; call when the boot arguments are known */

/* Allocate cleared memory of any size up to 4 MiB; NULL: no memory. kfree(NULL) is allowed. */
void *kmalloc(size_t size);
void kfree(void *p);

/* Objects of one size: bytes per object, objects in use, pages divided into such objects. */
struct kmalloc_class {
	size_t size, used, pages;
};

bool kmalloc_class(unsigned int class, struct kmalloc_class *info); /* false: no such class */

#endif
