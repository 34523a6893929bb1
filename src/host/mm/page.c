// SPDX-License-Identifier: MIT
/*
 * page.c - physical memory: discovery at boot, and the buddy allocator.
 *
 * Invariant: a free block of order n starts at a multiple of 2^n pages, and its first page has the
 * kind PAGE_FREE and the order n; no two buddies of an order below PAGE_MAX_ORDER are both free.
 * Locks: page_lock protects the free lists. Reference counts are atomic.
 */
#include "page.h"
#include <string.h>
#include "platform/fdt.h"
#include "account.h"
#include "hugetlb.h"
#include "hv/host.h"
#include "lib/printk.h"
#include "proc/oom.h"
#include "sched/insn.h"
#include "sched/thread.h"

#define MAX_RANGES 32

#define PAGE_COMMON_ORDER 2 /* a kernel stack: the largest block that ordinary calls need */

/* ---- boot: ranges of free memory ---- */

struct range {
	hpa_t start, end;
};

static struct range ranges[MAX_RANGES]; /* memory that is still free, page-aligned */
static unsigned int nr_ranges;
static hpa_t ram_start = ~0ULL, ram_end;

static void range_add(hpa_t start, hpa_t end)
{
	start = ALIGN_UP(start, PAGE_SIZE);
	end = ALIGN_DOWN(end, PAGE_SIZE);
	if (end > LINEAR_SIZE) {
		printk("host: memory above 0x%lx is not used\n", LINEAR_SIZE);
		end = LINEAR_SIZE;
	}
	if (start >= end)
		return;
	if (nr_ranges == MAX_RANGES)
		panic("more than %d ranges of memory", MAX_RANGES);
	ranges[nr_ranges++] = (struct range){ start, end };
}

static void add_memory(hpa_t start, hpa_t end)
{
	range_add(start, end);
	ram_start = MIN(ram_start, start);
	ram_end = MAX(ram_end, MIN(end, (hpa_t)LINEAR_SIZE));
}

static void reserve(hpa_t start, hpa_t end)
{
	start = ALIGN_DOWN(start, PAGE_SIZE);
	end = ALIGN_UP(end, PAGE_SIZE);
	for (unsigned int i = 0; i < nr_ranges; i++) {
		struct range r = ranges[i];

		if (end <= r.start || start >= r.end)
			continue;
		ranges[i--] = ranges[--nr_ranges];
		if (r.start < start)
			range_add(r.start, start);
		if (end < r.end)
			range_add(end, r.end);
	}
}

hpa_t page_boot_alloc(u64 size, u64 align)
{
	struct range *best = NULL;
	hpa_t pa;

	size = ALIGN_UP(size, PAGE_SIZE);
	for (unsigned int i = 0; i < nr_ranges; i++)
		if (!best || ranges[i].end - ranges[i].start > best->end - best->start)
			best = &ranges[i];
	if (!best || best->end - best->start < size)
		return 0;
	pa = ALIGN_DOWN(best->end - size, align);
	if (pa < best->start)
		return 0;
	/* The part above the aligned block stays usable. */
	if (pa + size < best->end)
		range_add(pa + size, best->end);
	best->end = pa;
	page_clear(pa_to_va(pa), size);
	return pa;
}

/* ---- the allocator ---- */

static struct page *pages; /* one for each page of ram_start .. ram_end */
static struct list_head free_lists[PAGE_MAX_ORDER + 1];
static size_t nr_free, nr_total;
static struct spinlock page_lock;

void page_ram_range(hpa_t *start, hpa_t *end)
{
	*start = ram_start;
	*end = ram_end;
}

struct page *page_of(hpa_t pa)
{
	return pa >= ram_start && pa < ram_end ? &pages[(pa - ram_start) >> PAGE_SHIFT] : NULL;
}

hpa_t page_to_hpa(const struct page *page)
{
	return ram_start + ((hpa_t)(page - pages) << PAGE_SHIFT);
}

void page_init(hpa_t image_start, hpa_t image_end)
{
	hpa_t pa;

	fdt_each_memory(add_memory);
	fdt_each_reserved(reserve);
	reserve(image_start, image_end);
	if (!nr_ranges)
		panic("the device tree has no usable memory");
	/* Align to the largest block: then no page has a buddy below the start of the array. */
	ram_start = ALIGN_DOWN(ram_start, PAGE_SIZE << PAGE_MAX_ORDER);
	ram_end = ALIGN_DOWN(ram_end, PAGE_SIZE);
	for (int i = 0; i <= PAGE_MAX_ORDER; i++)
		list_init(&free_lists[i]);
	pa = page_boot_alloc((ram_end - ram_start) / PAGE_SIZE * sizeof(struct page), PAGE_SIZE);
	if (!pa)
		panic("no contiguous memory for the page array: memory spans 0x%llx bytes",
		      ram_end - ram_start);
	pages = pa_to_va(pa);
}

static void free_block(hpa_t pa, unsigned int order)
{
	struct page *page = page_of(pa);

	for (; order < PAGE_MAX_ORDER; order++) {
		hpa_t buddy_pa = pa ^ (PAGE_SIZE << order);
		struct page *buddy = page_of(buddy_pa);

		if (!buddy || READ_ONCE(buddy->kind) != PAGE_FREE || buddy->order != order)
			break;
		list_del(&buddy->link);
		WRITE_ONCE(buddy->kind, PAGE_OTHER);
		pa = MIN(pa, buddy_pa);
		page = page_of(pa);
	}
	BUG_ON(!page);
	WRITE_ONCE(page->kind, PAGE_FREE);
	page->order = (u8)order;
	list_add(&page->link, &free_lists[order]);
}

/* Give the whole pages within [start, end) to the allocator. */
static void page_add_range(hpa_t start, hpa_t end)
{
	spin_lock(&page_lock);
	for (hpa_t pa = ALIGN_UP(start, PAGE_SIZE); pa + PAGE_SIZE <= end;) {
		unsigned int order = 0;

		while (order < PAGE_MAX_ORDER && IS_ALIGNED(pa, PAGE_SIZE << (order + 1)) &&
		       pa + (PAGE_SIZE << (order + 1)) <= end)
			order++;
		free_block(pa, order);
		WRITE_ONCE(nr_free, nr_free + (1UL << order));
		nr_total += 1UL << order;
		pa += PAGE_SIZE << order;
	}
	spin_unlock(&page_lock);
}

void page_init_finish(void)
{
	for (unsigned int i = 0; i < nr_ranges; i++)
		page_add_range(ranges[i].start, ranges[i].end);
	nr_ranges = 0;
}

/* Take a free block, splitting a larger one if needed. NULL: none. page_lock is held. */
static struct page *take_block(unsigned int order)
{
	unsigned int o = order;
	struct page *page;

	while (list_empty(&free_lists[o]))
		if (++o > PAGE_MAX_ORDER)
			return NULL;
	page = list_first_entry(&free_lists[o], struct page, link);
	list_del(&page->link);
	WRITE_ONCE(page->kind, PAGE_OTHER);
	while (o > order) {
		struct page *half = page + (1UL << --o);

		WRITE_ONCE(half->kind, PAGE_FREE);
		half->order = (u8)o;
		list_add(&half->link, &free_lists[o]);
	}
	return page;
}

void page_missed(void)
{
	if (current->process)
		thread_frame(current)->cause = CAUSE_PAGE_MISSED;
	current->missed_in = READ_ONCE(oom_round);
}

bool page_was_missed(void)
{
	return current->process && thread_frame(current)->cause == CAUSE_PAGE_MISSED;
}

void page_miss_forget(void)
{
	if (current->process)
		thread_frame(current)->cause = 0;
}

/* Inlined, like alloc_charged(), to keep guest faults cheap: they may allocate a table. */
static inline __attribute__((always_inline)) struct page *alloc_block(unsigned int order)
{
	struct page *page;

	spin_lock(&page_lock);
	page = order <= PAGE_MAX_ORDER ? take_block(order) : NULL;
	if (!page) {
		/*
		 * Call page_missed() under page_lock, so that memory freed from now on counts as
		 * freed after this miss. Larger blocks don't count as missed: their callers have a
		 * fallback or ask for a lot of memory. Nor does a block count if memory is only
		 * fragmented, because a process must not be ended while much memory is free; but
		 * while a process frees its memory, pages soon form blocks again.
		 */
		if (!order ||
		    (order <= PAGE_COMMON_ORDER && (READ_ONCE(oom_nr_ending) || !page_is_plenty())))
			page_missed();
		spin_unlock(&page_lock);
		return NULL;
	}
	WRITE_ONCE(nr_free, nr_free - (1UL << order));
	spin_unlock(&page_lock);
	WRITE_ONCE(page->refs, 1);
	for (unsigned long i = 1; i < 1UL << order; i++)
		WRITE_ONCE(page[i].refs, 1);
	return page;
}

static void charge(struct page *page, struct account *account, unsigned long n)
{
	page->owner = account;
	for (unsigned long i = 1; i < n; i++)
		page[i].owner = account;
	account_charge(account, (long)n);
}

/* Uncharge n pages with the same owner, after their last references have been dropped. */
static void uncharge(struct page *page, unsigned long n)
{
	struct account *account = page->owner;

	page->owner = NULL;
	for (unsigned long i = 1; i < n; i++)
		page[i].owner = NULL;
	account_uncharge(account, (long)n);
}

void page_charge(hpa_t pa, unsigned long n)
{
	if (current->account)
		charge(page_of(pa), current->account, n);
}

hpa_t page_alloc_user(unsigned int order)
{
	struct page *page = alloc_block(order);

	return page ? page_to_hpa(page) : 0;
}

static inline __attribute__((always_inline)) hpa_t alloc_charged(unsigned int order)
{
	struct page *page = alloc_block(order);
	struct account *account = current->account;

	if (!page)
		return 0;
	if (account)
		charge(page, account, 1UL << order);
	return page_to_hpa(page);
}

hpa_t page_alloc(unsigned int order)
{
	return alloc_charged(order);
}

hpa_t page_alloc_zeroed(unsigned int order)
{
	hpa_t pa = alloc_charged(order);

	if (pa)
		page_clear(pa_to_va(pa), PAGE_SIZE << order);
	return pa;
}

hpa_t page_alloc_user_zeroed(unsigned int order)
{
	hpa_t pa = page_alloc_user(order);

	if (pa)
		page_clear(pa_to_va(pa), PAGE_SIZE << order);
	return pa;
}

void page_get(hpa_t pa)
{
	struct page *page = page_of(pa);

	if (page)
		__atomic_fetch_add(&page->refs, 1, __ATOMIC_RELAXED);
}

/* Does the page at pa, which is in use, belong to hugetlb.c or hugetlb_1g.c? */
static bool is_huge(hpa_t pa)
{
	const struct page *head = page_of(ALIGN_DOWN(pa, SZ_2M));

	/* The head may be a page of someone else, who changes it to another kind. */
	u8 kind = head ? READ_ONCE(head->kind) : PAGE_OTHER;

	return kind == PAGE_HUGE || kind == PAGE_GIANT;
}

void page_put(hpa_t pa)
{
	struct page *page = page_of(pa);
	u64 refs;

	if (!page)
		return;
	refs = __atomic_fetch_sub(&page->refs, 1, __ATOMIC_ACQ_REL);
	BUG_ON(refs == 0);
	if (refs > 1)
		return;
	if (page->owner)
		uncharge(page, 1);
	if (is_huge(pa)) {
		huge_page_dropped(pa, 1);
		return;
	}
	spin_lock(&page_lock);
	WRITE_ONCE(nr_free, nr_free + 1);
	free_block(ALIGN_DOWN(pa, PAGE_SIZE), 0);
	spin_unlock(&page_lock);
}

void page_free(hpa_t pa, unsigned int order)
{
	struct page *page = page_of(pa);
	bool whole = true;

	for (unsigned long i = 0; i < 1UL << order; i++)
		whole &= __atomic_load_n(&page[i].refs, __ATOMIC_ACQUIRE) == 1;
	if (!whole) { /* a page has other references: drop ours one by one */
		for (unsigned long i = 0; i < 1UL << order; i++)
			page_put(pa + (i << PAGE_SHIFT));
		return;
	}
	for (unsigned long i = 0; i < 1UL << order; i++)
		WRITE_ONCE(page[i].refs, 0);
	if (page->owner)
		uncharge(page, 1UL << order);
	if (is_huge(pa)) {
		huge_page_dropped(pa, 1U << order);
		return;
	}
	spin_lock(&page_lock);
	WRITE_ONCE(nr_free, nr_free + (1UL << order));
	free_block(pa, order);
	spin_unlock(&page_lock);
}

u64 page_refs(hpa_t pa)
{
	struct page *page = page_of(pa);

	return page ? __atomic_load_n(&page->refs, __ATOMIC_ACQUIRE) : 0;
}

bool page_is_elsewhere(hpa_t pa)
{
	const struct page *page = page_of(pa);

	/* A page charged to a process that has ended counts for the process that maps it. */
	return !page || (page->owner && !READ_ONCE(page->owner->is_dead)) || is_huge(pa);
}

size_t page_free_count(void)
{
	return READ_ONCE(nr_free);
}

size_t page_total_count(void)
{
	return nr_total;
}

static unsigned long cbo_block; /* bytes that cbo.zero clears; 0: not available */

void page_clear_init(void)
{
	unsigned int block = hv_cbo_block_size("zicboz");

	cbo_block = block <= PAGE_SIZE ? block : 0;
}

void page_clear(void *va, size_t size)
{
	size_t block = cbo_block;
	char *p = va, *end = p + size;

	if (!block || !IS_ALIGNED((unsigned long)va | size, block)) {
		memset(va, 0, size);
		return;
	}
	/*
	 * A 2 MiB page has 32768 blocks of 64 bytes. Unroll the loop, because its overhead would
	 * dominate.
	 */
	for (; end - p >= (long)(8 * block); p += 8 * block) {
		char *q = p + 4 * block;

		cbo_zero(p);
		cbo_zero(p + block);
		cbo_zero(p + 2 * block);
		cbo_zero(p + 3 * block);
		cbo_zero(q);
		cbo_zero(q + block);
		cbo_zero(q + 2 * block);
		cbo_zero(q + 3 * block);
	}
	for (; p < end; p += block)
		cbo_zero(p);
}

#define CLEAR_PIECE 0x20000UL /* about 4100 instructions if cbo.zero clears 64 bytes */

void page_clear_block(hpa_t pa)
{
	unsigned long done;

	for (done = 0; done < SZ_2M; done += CLEAR_PIECE) {
		page_clear(pa_to_va(pa + done), CLEAR_PIECE);
		irq_window();
	}
}

hpa_t page_alloc_zeroed_block(void)
{
	hpa_t pa = page_alloc_user(ORDER_2M);

	if (pa)
		page_clear_block(pa);
	return pa;
}

bool page_is_plenty(void)
{
	return page_free_count() > page_total_count() / 16;
}
