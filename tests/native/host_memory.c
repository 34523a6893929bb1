// SPDX-License-Identifier: MIT
/*
 * host_memory.c - physical and user memory of the native machine.
 *
 * Physical memory is one arena. ASan reports it if the core uses a free page, and tlb_model.c if the
 * guest does. User memory is a window whose pages are allocated at the first touch.
 *
 * Counts that are used without memory_lock are relaxed atomics. A lock in each hv_page_map() would
 * order the core's threads where the core itself does not, and so hide races from TSan.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sanitizer/asan_interface.h>
#include "native.h"
#include "native_host.h"

#define NR_PAGES   (NATIVE_RAM_SIZE / PAGE_SIZE)
#define USER_PAGES (NATIVE_USER_SIZE / PAGE_SIZE)

static u8 *arena;
static u32 page_refs[NR_PAGES]; /* written under memory_lock, read without it */
static unsigned long objects_in_use, maps_in_use;
static size_t pages_in_use, next_page; /* protected by memory_lock */
static unsigned int fail_countdown;
static pthread_mutex_t memory_lock = PTHREAD_MUTEX_INITIALIZER;

static void must(bool condition, const char *what)
{
	if (!condition)
		hv_panic("native host: %s\n", what);
}

static bool allocation_fails(void)
{
	unsigned int left = __atomic_load_n(&fail_countdown, __ATOMIC_RELAXED);

	must(!native_in_out, "an allocation in out(), which the scheduler calls");
	return left && __atomic_sub_fetch(&fail_countdown, 1, __ATOMIC_RELAXED) == 0;
}

void native_fail_alloc(unsigned int nth)
{
	__atomic_store_n(&fail_countdown, nth, __ATOMIC_RELAXED);
}

unsigned long native_pages_in_use(void)
{
	return pages_in_use;
}

unsigned long native_objects_in_use(void)
{
	return objects_in_use;
}

unsigned long native_maps_in_use(void)
{
	return maps_in_use;
}

static size_t page_index(hpa_t pa)
{
	must(pa >= NATIVE_RAM_BASE && pa < NATIVE_RAM_BASE + NATIVE_RAM_SIZE, "no such page");
	return (size_t)((pa - NATIVE_RAM_BASE) / PAGE_SIZE);
}

void *native_ram(hpa_t pa)
{
	if (pa < NATIVE_RAM_BASE || pa >= NATIVE_RAM_BASE + NATIVE_RAM_SIZE)
		return NULL;
	return arena + (pa - NATIVE_RAM_BASE);
}

unsigned int native_page_refs(hpa_t pa)
{
	return __atomic_load_n(&page_refs[page_index(pa)], __ATOMIC_RELAXED);
}

static bool block_is_free(size_t first, size_t count)
{
	size_t i;

	for (i = first; i < first + count; i++)
		if (page_refs[i])
			return false;
	return true;
}

/* Allocate the next free block, so that freed pages are not reused soon. 0: there is none. */
static hpa_t block_alloc(size_t count)
{
	size_t tries, first = ALIGN_UP(next_page, count), i;

	for (tries = 0; tries < NR_PAGES / count; tries++, first += count) {
		if (first + count > NR_PAGES)
			first = 0;
		if (!block_is_free(first, count))
			continue;
		for (i = first; i < first + count; i++) {
			__atomic_store_n(&page_refs[i], 1, __ATOMIC_RELAXED);
			native_icache_new(NATIVE_RAM_BASE + i * PAGE_SIZE);
			ASAN_UNPOISON_MEMORY_REGION(arena + i * PAGE_SIZE, PAGE_SIZE);
		}
		next_page = first + count;
		pages_in_use += count;
		memset(arena + first * PAGE_SIZE, 0, count * PAGE_SIZE);
		return NATIVE_RAM_BASE + first * PAGE_SIZE;
	}
	return 0;
}

static void page_put(hpa_t pa)
{
	size_t i = page_index(pa);

	must(page_refs[i] > 0, "a page without references is released");
	if (__atomic_sub_fetch(&page_refs[i], 1, __ATOMIC_RELAXED))
		return;
	pages_in_use--;
	ASAN_POISON_MEMORY_REGION(arena + i * PAGE_SIZE, PAGE_SIZE);
}

hpa_t hv_pages_alloc(unsigned int order)
{
	hpa_t pa;

	pthread_mutex_lock(&memory_lock);
	pa = allocation_fails() ? 0 : block_alloc(1UL << order);
	pthread_mutex_unlock(&memory_lock);
	return pa;
}

void hv_pages_free(hpa_t pa, unsigned int order)
{
	size_t i;

	pthread_mutex_lock(&memory_lock);
	must(IS_ALIGNED(pa, PAGE_SIZE << order), "a block is freed at an unaligned address");
	for (i = 0; i < 1UL << order; i++)
		page_put(pa + i * PAGE_SIZE);
	pthread_mutex_unlock(&memory_lock);
}

void *hv_page_map(hpa_t pa)
{
	must(IS_ALIGNED(pa, PAGE_SIZE), "an address that is not page-aligned is mapped");
	must(native_page_refs(pa) > 0, "a freed page is mapped");
	__atomic_fetch_add(&maps_in_use, 1, __ATOMIC_RELAXED);
	return native_ram(pa);
}

void hv_page_unmap(void *va)
{
	must(IS_ALIGNED((uintptr_t)va, PAGE_SIZE), "an unaligned address is unmapped");
	must(__atomic_fetch_sub(&maps_in_use, 1, __ATOMIC_RELAXED) > 0, "more unmaps than maps");
}

void *hv_alloc(size_t size)
{
	if (allocation_fails())
		return NULL;
	__atomic_fetch_add(&objects_in_use, 1, __ATOMIC_RELAXED);
	return calloc(1, size);
}

void hv_free(void *p)
{
	if (p)
		__atomic_fetch_sub(&objects_in_use, 1, __ATOMIC_RELAXED);
	free(p);
}

/* ---- user memory ----------------------------------------------------------------- */

struct user_page {
	hpa_t pa; /* 0 before the first touch */
	u8 flags; /* enum native_user_flags */
	bool mapped;
	bool writable; /* currently */
	bool in_block; /* part of a 2 MiB block that one leaf maps */
};

struct hv_mm {
	struct user_page page[USER_PAGES];
	size_t top; /* end of the mapped part, in bytes from NATIVE_USER_BASE */
	struct list_head notifiers;
	unsigned int holds;
};

static struct hv_mm mm; /* the only process's address space */
static pthread_mutex_t mm_lock = PTHREAD_MUTEX_INITIALIZER;
void (*native_page_get_hook)(hva_t hva, bool write);
unsigned int native_page_gets;

static struct user_page *user_page(hva_t hva)
{
	if (hva < NATIVE_USER_BASE || hva >= NATIVE_USER_BASE + NATIVE_USER_SIZE)
		return NULL;
	return &mm.page[(hva - NATIVE_USER_BASE) / PAGE_SIZE];
}

void native_user_map(hva_t hva, size_t size, unsigned int flags)
{
	size_t at;

	pthread_mutex_lock(&memory_lock);
	mm.top = MAX(mm.top, hva - NATIVE_USER_BASE + size);
	for (at = 0; at < size; at += PAGE_SIZE)
		*user_page(hva + at) = (struct user_page){ .flags = (u8)flags, .mapped = true };
	pthread_mutex_unlock(&memory_lock);
}

/* Return whether the 2 MiB around hva can become one block. */
static bool block_possible(hva_t hva)
{
	hva_t start = ALIGN_DOWN(hva, SZ_2M);
	size_t at;

	for (at = 0; at < SZ_2M; at += PAGE_SIZE) {
		struct user_page *p = user_page(start + at);

		if (!p || !p->mapped || !(p->flags & NATIVE_HUGE) || p->pa)
			return false;
	}
	return true;
}

static void touch_block(hva_t hva)
{
	hva_t start = ALIGN_DOWN(hva, SZ_2M);
	hpa_t pa = block_alloc(SZ_2M / PAGE_SIZE);
	size_t at;

	for (at = 0; pa && at < SZ_2M; at += PAGE_SIZE) {
		struct user_page *p = user_page(start + at);

		p->pa = pa + at;
		p->in_block = true;
		p->writable = !(p->flags & (NATIVE_READ_ONLY | NATIVE_COW));
	}
}

/* Fault in the page at hva, and its block if possible. 0 or -EFAULT. memory_lock is held. */
static int user_touch(hva_t hva, bool write)
{
	struct user_page *p = user_page(hva);

	if (!p || !p->mapped || (write && (p->flags & NATIVE_READ_ONLY)))
		return -EFAULT;
	if (!p->pa && (p->flags & NATIVE_HUGE) && block_possible(hva))
		touch_block(hva);
	if (!p->pa) {
		p->pa = block_alloc(1);
		p->writable = !(p->flags & (NATIVE_READ_ONLY | NATIVE_COW));
	}
	if (!p->pa)
		return -EFAULT;
	p->writable |= write;
	return 0;
}

/* Fault in user memory and return a pointer to it, or NULL. memory_lock is held. */
static void *user_pointer(hva_t hva, bool write)
{
	if (user_touch(hva, write))
		return NULL;
	return (u8 *)native_ram(user_page(hva)->pa) + (hva & (PAGE_SIZE - 1));
}

void *native_user(hva_t hva)
{
	void *p;

	pthread_mutex_lock(&memory_lock);
	p = user_pointer(hva, false);
	pthread_mutex_unlock(&memory_lock);
	return p;
}

static int user_copy(hva_t hva, void *buf, size_t size, bool write)
{
	native_may_sleep("user memory is touched");
	while (size) {
		size_t n = MIN(size, PAGE_SIZE - (hva & (PAGE_SIZE - 1)));
		void *p;

		/* memory_lock keeps the page allocated, but a guest may write to it meanwhile. */
		pthread_mutex_lock(&memory_lock);
		p = user_pointer(hva, write);
		if (p)
			native_copy(write ? p : buf, write ? buf : p, n);
		pthread_mutex_unlock(&memory_lock);
		if (!p)
			return -EFAULT;
		buf = (u8 *)buf + n;
		hva += n;
		size -= n;
	}
	return 0;
}

int hv_copy_from_user(void *dst, hva_t src, size_t size)
{
	return user_copy(src, dst, size, false);
}

int hv_copy_to_user(hva_t dst, const void *src, size_t size)
{
	return user_copy(dst, (void *)(uintptr_t)src, size, true);
}

int hv_copy_to_user_nofault(hva_t dst, const void *src, size_t size)
{
	const struct user_page *p = user_page(dst);

	return p && p->pa && p->writable ? hv_copy_to_user(dst, src, size) : -EFAULT;
}

static int page_look(struct hv_mm *m, hva_t hva, bool write, struct hv_user_page *page, bool hold)
{
	struct user_page *p = user_page(hva);
	int err, present;

	native_may_sleep("a user page is looked up");
	must(m == &mm, "a page of another address space is looked up");
	pthread_mutex_lock(&memory_lock);
	native_page_gets++;
	present = p && p->pa && (!write || p->writable);
	err = user_touch(hva, write) ?: hold && (p->flags & NATIVE_DEVICE) ? -EFAULT : 0;
	if (!err) {
		*page = (struct hv_user_page){ p->pa, p->in_block ? SZ_2M : SZ_4K, p->writable,
					       !native_icache_is_known_clean(p->pa), !present };
		if (hold)
			__atomic_fetch_add(&page_refs[page_index(p->pa)], 1, __ATOMIC_RELAXED);
	}
	pthread_mutex_unlock(&memory_lock);
	if (!err && native_page_get_hook)
		native_page_get_hook(hva, write);
	return err;
}

int hv_user_page_look(struct hv_mm *m, hva_t hva, bool write, struct hv_user_page *page)
{
	return page_look(m, hva, write, page, false);
}

int hv_user_page_get(struct hv_mm *m, hva_t hva, bool write, struct hv_user_page *page)
{
	return page_look(m, hva, write, page, true);
}

bool hv_user_range_is_valid(hva_t start, u64 size)
{
	return start + size >= start && start + size <= 1UL << 56;
}

bool hv_user_range_writable(struct hv_mm *m, hva_t start, u64 size)
{
	bool writable = true;

	must(m == &mm, "a range of another address space is checked");
	pthread_mutex_lock(&memory_lock);
	for (u64 at = 0; at < size; at += PAGE_SIZE) {
		const struct user_page *p = user_page(start + at);

		writable &= !(p && p->mapped && (p->flags & NATIVE_READ_ONLY));
	}
	pthread_mutex_unlock(&memory_lock);
	return writable;
}

void hv_user_page_put(const struct hv_user_page *page)
{
	pthread_mutex_lock(&memory_lock);
	page_put(page->pa);
	pthread_mutex_unlock(&memory_lock);
}

/* ---- address spaces and notifiers ---------------------------------------------------- */

struct hv_mm *hv_mm_hold_current(void)
{
	__atomic_fetch_add(&mm.holds, 1, __ATOMIC_RELAXED);
	return &mm;
}

void hv_mm_release(struct hv_mm *m)
{
	__atomic_fetch_sub(&m->holds, 1, __ATOMIC_RELAXED);
}

bool hv_mm_is_current(const struct hv_mm *m)
{
	return m == &mm;
}

int hv_notifier_register(struct hv_mm *m, struct hv_notifier *n)
{
	pthread_mutex_lock(&mm_lock);
	list_add_tail(&n->link, &m->notifiers);
	pthread_mutex_unlock(&mm_lock);
	return 0;
}

void hv_notifier_unregister(struct hv_mm *m, struct hv_notifier *n)
{
	(void)m;
	pthread_mutex_lock(&mm_lock);
	list_del(&n->link);
	pthread_mutex_unlock(&mm_lock);
}

/* Split a block: from now on, each of its remaining pages is mapped by its own leaf. */
static void block_split(hva_t hva)
{
	hva_t start = ALIGN_DOWN(hva, SZ_2M);
	size_t at;

	for (at = 0; at < SZ_2M; at += PAGE_SIZE)
		if (user_page(start + at))
			user_page(start + at)->in_block = false;
}

static void user_drop(hva_t hva, size_t size)
{
	struct user_page *first = user_page(hva), *p;

	pthread_mutex_lock(&memory_lock);
	for (p = first; p < first + size / PAGE_SIZE; p++) {
		if (!p->pa)
			continue;
		if (p->in_block)
			block_split(hva + (hva_t)(p - first) * PAGE_SIZE);
		page_put(p->pa);
	}
	memset(first, 0, size / PAGE_SIZE * sizeof(*first));
	pthread_mutex_unlock(&memory_lock);
}

void native_user_unmap(hva_t hva, size_t size)
{
	struct hv_notifier *n;

	pthread_mutex_lock(&mm_lock);
	native_no_sleep("a notifier");
	list_for_each_entry(n, &mm.notifiers, link)
		n->invalidate_start(n, hva, hva + size, false);
	user_drop(hva, size);
	list_for_each_entry(n, &mm.notifiers, link)
		n->invalidate_end(n, hva, hva + size);
	native_no_sleep(NULL);
	pthread_mutex_unlock(&mm_lock);
}

void native_user_exit(void)
{
	struct hv_notifier *n, *next;

	pthread_mutex_lock(&mm_lock);
	native_no_sleep("a notifier");
	list_for_each_entry_safe(n, next, &mm.notifiers, link)
		n->release(n, false);
	native_no_sleep(NULL);
	user_drop(NATIVE_USER_BASE, mm.top);
	pthread_mutex_unlock(&mm_lock);
}

void native_memory_reset(void)
{
	size_t i;

	if (!arena) {
		arena = mmap(NULL, NATIVE_RAM_SIZE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		must(arena != MAP_FAILED, "no arena");
		ASAN_POISON_MEMORY_REGION(arena, NATIVE_RAM_SIZE);
	}
	/* Free only what an earlier test left: freeing all pages took most of a fuzzer's time. */
	for (i = 0; pages_in_use && i < NR_PAGES; i++) {
		if (!page_refs[i])
			continue;
		ASAN_POISON_MEMORY_REGION(arena + i * PAGE_SIZE, PAGE_SIZE);
		page_refs[i] = 0;
		pages_in_use--;
	}
	memset(mm.page, 0, mm.top / PAGE_SIZE * sizeof(mm.page[0]));
	mm.top = 0;
	mm.holds = 0;
	list_init(&mm.notifiers);
	pages_in_use = 0;
	objects_in_use = 0;
	maps_in_use = 0;
	fail_countdown = 0;
	native_page_get_hook = NULL;
	native_page_gets = 0;
}
