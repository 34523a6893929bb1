// SPDX-License-Identifier: MIT
/*
 * locks.c - count held locks, and poison free memory for ASan. The linker redirects calls of the
 * host to these wrappers (--wrap). Spinlocks are inline, so layout.h replaces them by macros.
 */
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <stdio.h>
#include <sys/mman.h>
#include "invariants.h"
#include "machine.h"
#include "mm/page.h"
#include "sched/thread.h"
#include "sched/wait.h"

int held_spinlocks;

#define HELD current->context.s[1] /* unused by this machine's context switch */

int held_mutexes(void)
{
	return (int)HELD;
}

void __real_mutex_lock(struct mutex *m);
int __real_mutex_lock_interruptible(struct mutex *m);
int __real_mutex_lock_killable(struct mutex *m);
bool __real_mutex_trylock(struct mutex *m);
void __real_mutex_unlock(struct mutex *m);
void __wrap_mutex_lock(struct mutex *m);
int __wrap_mutex_lock_interruptible(struct mutex *m);
int __wrap_mutex_lock_killable(struct mutex *m);
bool __wrap_mutex_trylock(struct mutex *m);
void __wrap_mutex_unlock(struct mutex *m);

void __wrap_mutex_lock(struct mutex *m)
{
	if (held_spinlocks)
		machine_fail("a mutex is taken under a spinlock");
	__real_mutex_lock(m);
	HELD++;
	space_lock_taken(m);
}

int __wrap_mutex_lock_interruptible(struct mutex *m)
{
	int err = __real_mutex_lock_interruptible(m);

	HELD += !err;
	space_lock_taken(m);
	return err;
}

int __wrap_mutex_lock_killable(struct mutex *m)
{
	int err = __real_mutex_lock_killable(m);

	HELD += !err;
	space_lock_taken(m);
	return err;
}

bool __wrap_mutex_trylock(struct mutex *m)
{
	bool taken = __real_mutex_trylock(m);

	HELD += taken;
	space_lock_taken(m);
	return taken;
}

void __wrap_mutex_unlock(struct mutex *m)
{
	HELD--;
	space_lock_taken(m);
	__real_mutex_unlock(m);
}

/* ---- memory ---- */

#define UNMAP_FROM 0x10000 /* bytes */

struct mm *__real_mm_create(void);
struct mm *__real_mm_copy(struct mm *from);
struct mm *__wrap_mm_create(void);
struct mm *__wrap_mm_copy(struct mm *from);

struct mm *__wrap_mm_create(void)
{
	space_created();
	return __real_mm_create();
}

struct mm *__wrap_mm_copy(struct mm *from)
{
	space_created();
	return __real_mm_copy(from);
}

void *__real_kmalloc(size_t size);
void __real_kfree(void *p);
hpa_t __real_page_alloc(unsigned int order);
hpa_t __real_page_alloc_zeroed(unsigned int order);
hpa_t __real_page_alloc_user(unsigned int order);
hpa_t __real_page_alloc_user_zeroed(unsigned int order);
hpa_t __real_page_alloc_zeroed_block(void);
hpa_t __real_huge_page_alloc(void);
void __real_page_free(hpa_t pa, unsigned int order);
void __real_page_get(hpa_t pa);
void __real_page_put(hpa_t pa);
void *__wrap_kmalloc(size_t size);
void __wrap_kfree(void *p);
hpa_t __wrap_page_alloc(unsigned int order);
hpa_t __wrap_page_alloc_zeroed(unsigned int order);
hpa_t __wrap_page_alloc_user(unsigned int order);
hpa_t __wrap_page_alloc_user_zeroed(unsigned int order);
hpa_t __wrap_page_alloc_zeroed_block(void);
hpa_t __wrap_huge_page_alloc(void);
void __wrap_page_free(hpa_t pa, unsigned int order);
void __wrap_page_get(hpa_t pa);
void __wrap_page_put(hpa_t pa);
void *raw_memset(void *dst, int c, size_t n);

/*
 * memset() of kmalloc.c and page.c, which write to memory that is still poisoned. Most pages that are
 * cleared contain zeroes already. So a large range is discarded, and the build machine's kernel
 * supplies zeroes when it is used again; a smaller range is written only where it is not zero.
 */
__attribute__((no_sanitize("address", "undefined"))) void *raw_memset(void *dst, int c, size_t n)
{
	typedef unsigned long __attribute__((vector_size(16), may_alias)) pair;
	pair *line = dst, *end = (pair *)((char *)dst + n);
	void *at = dst;

	if (!c && n >= UNMAP_FROM && IS_ALIGNED((unsigned long)dst | n, PAGE_SIZE) &&
	    !madvise(dst, n, MADV_DONTNEED))
		return dst;
	if (c || !IS_ALIGNED((unsigned long)dst | n, 64)) {
		__asm__ volatile("rep stosb" : "+D"(at), "+c"(n) : "a"(c) : "memory");
		return dst;
	}
	for (; line < end; line += 4) {
		pair any = line[0] | line[1] | line[2] | line[3];

		if (any[0] | any[1])
			line[0] = line[1] = line[2] = line[3] = (pair){ 0 };
	}
	return dst;
}

static hpa_t usable(hpa_t pa, unsigned int order)
{
	if (pa)
		ASAN_UNPOISON_MEMORY_REGION(pa_to_va(pa), PAGE_SIZE << order);
	return pa;
}

hpa_t __wrap_page_alloc(unsigned int order)
{
	return usable(__real_page_alloc(order), order);
}

hpa_t __wrap_page_alloc_zeroed(unsigned int order)
{
	return usable(__real_page_alloc_zeroed(order), order);
}

hpa_t __wrap_page_alloc_user(unsigned int order)
{
	return usable(__real_page_alloc_user(order), order);
}

hpa_t __wrap_page_alloc_user_zeroed(unsigned int order)
{
	return usable(__real_page_alloc_user_zeroed(order), order);
}

hpa_t __wrap_page_alloc_zeroed_block(void)
{
	return usable(__real_page_alloc_zeroed_block(), ORDER_2M);
}

hpa_t __wrap_huge_page_alloc(void)
{
	return usable(__real_huge_page_alloc(), ORDER_2M);
}

static void poison(hpa_t from, hpa_t to)
{
	if (from < to)
		ASAN_POISON_MEMORY_REGION(pa_to_va(from), to - from);
}

void __wrap_page_free(hpa_t pa, unsigned int order)
{
	hpa_t end = pa + (PAGE_SIZE << order), from = pa; /* from: free, and not poisoned yet */

	__real_page_free(pa, order);
	for (; pa < end; pa += PAGE_SIZE) {
		space_page_changed(pa);
		if (!page_refs(pa))
			continue;
		poison(from, pa);
		from = pa + PAGE_SIZE;
	}
	poison(from, end);
}

void __wrap_page_get(hpa_t pa)
{
	__real_page_get(pa);
	space_page_changed(pa);
}

void __wrap_page_put(hpa_t pa)
{
	__real_page_put(pa);
	space_page_changed(pa);
	pa = ALIGN_DOWN(pa, PAGE_SIZE);
	if (page_of(pa) && !page_refs(pa))
		poison(pa, pa + PAGE_SIZE);
}

/* By address: the caller that allocated the object, and the number of marks until then. */
static struct {
	void *caller;
	unsigned int mark;
} allocated[MACHINE_RAM_SIZE / 32];
static unsigned int mark = 1;

void objects_mark(void)
{
	mark++;
}

void objects_show_new(void)
{
	char where[200];

	for (unsigned long i = 0; i < MACHINE_RAM_SIZE / 32; i++) {
		if (allocated[i].mark != mark)
			continue;
		__sanitizer_symbolize_pc(allocated[i].caller, "%f %S", where, sizeof(where));
		fprintf(stderr, "machine: leaked, allocated by %s\n", where);
	}
}

static void note_owner(const void *p, void *caller)
{
	unsigned long i = (va_to_pa(p) - MACHINE_RAM_BASE) / 32;

	allocated[i].caller = caller;
	allocated[i].mark = caller ? mark : 0;
}

void *__wrap_kmalloc(size_t size)
{
	void *p = __real_kmalloc(size);
	const struct page *page = p ? page_of(ALIGN_DOWN(va_to_pa(p), PAGE_SIZE)) : NULL;
	size_t room;

	if (!p)
		return NULL;
	room = page->kind == PAGE_SLAB ? 32UL << page->slab_class : PAGE_SIZE << page->order;
	if (page->kind == PAGE_SLAB && page->slab_used == 1) /* perhaps a new page */
		ASAN_POISON_MEMORY_REGION(pa_to_va(ALIGN_DOWN(va_to_pa(p), PAGE_SIZE)), PAGE_SIZE);
	ASAN_POISON_MEMORY_REGION(p, room);
	ASAN_UNPOISON_MEMORY_REGION(p, size ? size : 1);
	note_owner(p, __builtin_return_address(0));
	return p;
}

void __wrap_kfree(void *p)
{
	const struct page *page = p ? page_of(ALIGN_DOWN(va_to_pa(p), PAGE_SIZE)) : NULL;

	if (page && page->kind == PAGE_SLAB)
		ASAN_POISON_MEMORY_REGION(p, 32UL << page->slab_class);
	if (p)
		note_owner(p, NULL);
	__real_kfree(p);
}
