// SPDX-License-Identifier: MIT
/*
 * page.c - quarantine and poison for freed pages, and the check that nothing maps them.
 *
 * The last reference to a block of pages is not dropped but kept by the quarantine, which fills the
 * block with POISON. When the block leaves the quarantine, its poison is checked, so a store through
 * an old mapping or by a device is found. Before that, all page tables of processes and all G-stage
 * tables but shadow tables are searched (mapped.c): none may map a page of the quarantine.
 *
 * The quarantine is emptied when an allocation fails and when free memory is counted, so that its
 * pages are free memory to everything else. The tables are not searched while a spinlock is held.
 * The pages of hugetlb.c, and blocks larger than a leaf, do not pass through the quarantine.
 *
 * Locks: quarantine_lock guards the list. It is taken within roots_lock (mapped.c), without the
 * checks of lock.c.
 */
#include "check.h"
#include "lib/printk.h"
#include "mm/account.h"
#include "mm/page.h"
#include "sched/thread.h"

#define POISON         0x6a6a6a6a6a6a6a6aULL /* bit 0 is 0: not a valid PTE */
#define QUARANTINED    0xa27e                /* in page->slab_free; greater than any offset */
#define QUARANTINE_MAX 4096                  /* pages, at the end of a system call */

static struct list_head quarantine = LIST_HEAD_INIT(quarantine); /* by page->link */
static size_t quarantined;                                       /* pages */
static struct spinlock quarantine_lock;

#define REAL(type, function, ...)            \
	type __real_##function(__VA_ARGS__); \
	type __wrap_##function(__VA_ARGS__);

REAL(hpa_t, page_alloc, unsigned int order)
REAL(hpa_t, page_alloc_zeroed, unsigned int order)
REAL(hpa_t, page_alloc_user, unsigned int order)
REAL(hpa_t, page_alloc_user_zeroed, unsigned int order)
REAL(hpa_t, page_alloc_zeroed_block, void)
REAL(void, page_free, hpa_t pa, unsigned int order)
REAL(void, page_get, hpa_t pa)
REAL(void, page_put, hpa_t pa)
REAL(size_t, page_free_count, void)

#undef spin_lock
#undef spin_unlock

bool debug_page_is_freed(hpa_t pa)
{
	const struct page *page = page_of(pa);

	return page && READ_ONCE(page->slab_free) == QUARANTINED && page->kind == PAGE_OTHER;
}

/* Return the address where the page was freed. While it is in the quarantine, `owner` has it. */
static unsigned long freed_by(hpa_t pa)
{
	return (unsigned long)page_of(pa)->owner;
}

void debug_page_panic(const char *what, hpa_t pa, const void *caller)
{
	debug_print_stack(__builtin_frame_address(0));
	panic("page 0x%llx, freed in 0x%lx: %s, in %p", pa, freed_by(pa), what, caller);
}

/* Panic if a device uses the block, to which the caller is about to drop the last references. */
static void check_devices(hpa_t pa, unsigned int order, const void *caller)
{
	if (!debug_device_uses(pa, PAGE_SIZE << order))
		return;
	debug_print_stack(__builtin_frame_address(0));
	panic("page 0x%llx: still used by a device, freed in %p", pa, caller);
}

static void check_poison(hpa_t pa, unsigned int order)
{
	const u64 *word = pa_to_va(pa);
	char text[64];

	for (size_t i = 0; i < (PAGE_SIZE << order) / sizeof(*word); i++) {
		if (word[i] == POISON)
			continue;
		snprintf(text, sizeof(text), "poison overwritten at offset 0x%zx: %016llx",
			 i * sizeof(*word), word[i]);
		debug_page_panic(text, pa, __builtin_return_address(0));
	}
}

/* Take the oldest block out of the quarantine, and free it. Returns false if there is none. */
static bool release_block(void)
{
	struct page *page;
	unsigned int order;
	hpa_t pa;

	debug_mappings_lock();
	spin_lock(&quarantine_lock);
	if (list_empty(&quarantine)) {
		spin_unlock(&quarantine_lock);
		debug_mappings_unlock();
		return false;
	}
	page = list_first_entry(&quarantine, struct page, link);
	list_del(&page->link);
	order = page->order;
	quarantined -= 1UL << order;
	spin_unlock(&quarantine_lock);
	pa = page_to_hpa(page);
	check_poison(pa, order);
	for (unsigned long i = 0; i < 1UL << order; i++) {
		page[i].owner = NULL;
		page[i].slab_free = 0;
	}
	__real_page_free(pa, order);
	debug_mappings_unlock();
	return true;
}

bool debug_pages_drain(void)
{
	bool any = false;

	if (quarantined && !debug_holds_spinlock())
		debug_check_mappings();
	while (release_block())
		any = true;
	return any;
}

void debug_pages_limit(void)
{
	if (READ_ONCE(quarantined) > QUARANTINE_MAX)
		debug_pages_drain();
}

/* Put the block, to which the caller has the only references, into the quarantine. */
static void quarantine_block(hpa_t pa, unsigned int order, const void *caller)
{
	struct page *page = page_of(pa);
	struct account *owner = page->owner;
	u64 *word = pa_to_va(pa);

	for (unsigned long i = 0; i < 1UL << order; i++) {
		page[i].owner = (struct account *)caller; /* freed_by() */
		page[i].slab_free = QUARANTINED;
	}
	if (owner)
		account_uncharge(owner, 1L << order);
	for (size_t i = 0; i < (PAGE_SIZE << order) / sizeof(*word); i++)
		word[i] = POISON;
	page->order = (u8)order;
	spin_lock(&quarantine_lock);
	list_add_tail(&page->link, &quarantine);
	quarantined += 1UL << order;
	spin_unlock(&quarantine_lock);
}

static bool is_of_pool(hpa_t pa)
{
	const struct page *head = page_of(ALIGN_DOWN(pa, (hpa_t)SZ_2M));

	return head && (head->kind == PAGE_HUGE || head->kind == PAGE_GIANT);
}

void __wrap_page_free(hpa_t pa, unsigned int order)
{
	const void *caller = __builtin_return_address(0);
	struct page *page = page_of(pa);
	bool whole = true;

	DEBUG_MAY_TAKE("page_free", "page_lock");
	for (unsigned long i = 0; i < 1UL << order; i++) {
		if (debug_page_is_freed(pa + i * PAGE_SIZE))
			debug_page_panic("freed again", pa + i * PAGE_SIZE, caller);
		whole &= page_refs(pa + i * PAGE_SIZE) == 1;
	}
	if (page && whole)
		check_devices(pa, order, caller);
	if (!page || is_of_pool(pa) || order > ORDER_2M)
		__real_page_free(pa, order);
	else if (whole)
		quarantine_block(pa, order, caller);
	else
		for (unsigned long i = 0; i < 1UL << order; i++)
			__wrap_page_put(pa + i * PAGE_SIZE);
}

/* Drop a reference if it is not the last one. Of two concurrent callers, only one finds two references. */
static bool put_not_last(struct page *page)
{
	u64 refs = READ_ONCE(page->refs);

	while (refs > 1)
		if (__atomic_compare_exchange_n(&page->refs, &refs, refs - 1, false,
						__ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
			return true;
	return false;
}

void __wrap_page_put(hpa_t pa)
{
	const void *caller = __builtin_return_address(0);
	struct page *page = page_of(pa);
	bool quarantines = page && !is_of_pool(pa);

	DEBUG_MAY_TAKE("page_put", "page_lock");
	if (debug_page_is_freed(pa))
		debug_page_panic("freed again", pa, caller);
	if (quarantines && put_not_last(page))
		return;
	if (page_refs(pa) == 1)
		check_devices(ALIGN_DOWN(pa, (hpa_t)PAGE_SIZE), 0, caller);
	if (quarantines && page_refs(pa) == 1)
		quarantine_block(ALIGN_DOWN(pa, (hpa_t)PAGE_SIZE), 0, caller);
	else /* panics if there is no reference */
		__real_page_put(pa);
}

void __wrap_page_get(hpa_t pa)
{
	if (debug_page_is_freed(pa))
		debug_page_panic("a reference is taken", pa, __builtin_return_address(0));
	__real_page_get(pa);
}

/* Call the allocator. If it fails, empty the quarantine and call it again. */
#define ALLOCATE(call)                                                \
	({                                                            \
		const void *__frame = __builtin_frame_address(0);     \
		hpa_t __pa = debug_alloc_fails(__frame) ? 0 : (call); \
		if (!__pa && !debug_failed() && debug_pages_drain())  \
			__pa = (call);                                \
		__pa;                                                 \
	})

hpa_t __wrap_page_alloc(unsigned int order)
{
	return ALLOCATE(__real_page_alloc(order));
}

hpa_t __wrap_page_alloc_zeroed(unsigned int order)
{
	return ALLOCATE(__real_page_alloc_zeroed(order));
}

hpa_t __wrap_page_alloc_user(unsigned int order)
{
	return ALLOCATE(__real_page_alloc_user(order));
}

hpa_t __wrap_page_alloc_user_zeroed(unsigned int order)
{
	return ALLOCATE(__real_page_alloc_user_zeroed(order));
}

hpa_t __wrap_page_alloc_zeroed_block(void)
{
	return ALLOCATE(__real_page_alloc_zeroed_block());
}

/* Count memory in the quarantines as free memory. */
size_t __wrap_page_free_count(void)
{
	debug_slab_drain();
	debug_pages_drain();
	return __real_page_free_count();
}
