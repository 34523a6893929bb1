// SPDX-License-Identifier: MIT
/*
 * snapshot.c - save and restore pages of the code under test (see snapshot.h).
 *
 * This file is compiled without sanitizers, because it reads and writes poisoned memory. For the
 * same reason, it calls neither memcpy() nor memset(), which ASan intercepts.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include "snapshot.h"

#define PAGE        4096UL
#define HEAP_SIZE   (64UL << 20)
#define MAX_REGIONS 16
#define MAX_HOT     32768
#define COOL_EVERY  1024 /* restores after which all pages are protected again */
#define ALIVE       0x6f626a656374ULL

/* ASan's interface; <sanitizer/asan_interface.h> makes it empty in a file without ASan. */
void __asan_poison_memory_region(const volatile void *start, size_t size);
void __asan_unpoison_memory_region(const volatile void *start, size_t size);
void __asan_get_shadow_mapping(size_t *scale, size_t *offset);

/* The linker makes these symbols, if any object has the section. */
extern char __start_machine_data[] __attribute__((weak));
extern char __stop_machine_data[] __attribute__((weak));
extern char __start_machine_bss[] __attribute__((weak));
extern char __stop_machine_bss[] __attribute__((weak));

static struct region {
	uintptr_t start, end;
} regions[MAX_REGIONS];
static unsigned int nr_regions;

/* A writable part of a page, with its contents in the snapshot. */
static struct hot {
	uintptr_t start, end;
} hot[MAX_HOT];
static unsigned int nr_hot, nr_fixed; /* the first nr_fixed never become read-only */
static unsigned int restores;
static uint8_t (*saved)[PAGE];
static bool taken;
static struct sigaction before;

static void must(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "snapshot: %s\n", what);
	abort();
}

/* Copy len bytes, a multiple of 8, as both addresses are. */
static void copy(void *to, const void *from, size_t len)
{
	typedef uint64_t __attribute__((may_alias)) word;
	word *t = to;
	const word *f = from;
	size_t i;

	for (i = 0; i + 8 <= len / 8; i += 8) {
		t[i] = f[i], t[i + 1] = f[i + 1], t[i + 2] = f[i + 2], t[i + 3] = f[i + 3];
		t[i + 4] = f[i + 4], t[i + 5] = f[i + 5], t[i + 6] = f[i + 6], t[i + 7] = f[i + 7];
		__asm__ volatile("" ::: "memory"); /* not a call of memcpy() */
	}
	for (; i < len / 8; i++) {
		t[i] = f[i];
		__asm__ volatile("" ::: "memory");
	}
}

static void *map(size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	must(at != MAP_FAILED, "no memory");
	return at;
}

/* ---- pages ------------------------------------------------------------------------- */

static uintptr_t page_of(uintptr_t at)
{
	return at & ~(PAGE - 1);
}

static void add_hot(uintptr_t start, uintptr_t end)
{
	must(nr_hot < MAX_HOT, "too many pages have changed");
	copy(saved[nr_hot], (void *)start, end - start);
	hot[nr_hot++] = (struct hot){ start, end };
}

static void protect(bool writable)
{
	unsigned int i;

	for (i = 0; i < nr_regions; i++) {
		uintptr_t start = page_of(regions[i].start + PAGE - 1);
		uintptr_t end = page_of(regions[i].end);

		if (start < end)
			must(mprotect((void *)start, end - start,
				      PROT_READ | (writable ? PROT_WRITE : 0)) == 0,
			     "cannot protect memory");
	}
}

/* Handle the first store to a protected page. Any other signal goes to the previous handler. */
static void on_store(int signal, siginfo_t *info, void *context)
{
	uintptr_t page = page_of((uintptr_t)info->si_addr);
	unsigned int i;

	for (i = 0; i < nr_regions && info->si_code == SEGV_ACCERR; i++) {
		if (page < regions[i].start || page + PAGE > regions[i].end)
			continue;
		must(mprotect((void *)page, PAGE, PROT_READ | PROT_WRITE) == 0,
		     "cannot make a page writable");
		add_hot(page, page + PAGE);
		return;
	}
	sigaction(signal, &before, NULL);
	if (before.sa_flags & SA_SIGINFO && before.sa_sigaction)
		before.sa_sigaction(signal, info, context);
}

void snapshot_add(void *start, size_t size)
{
	must(nr_regions < MAX_REGIONS, "too many ranges");
	must(!((uintptr_t)start % 8) && !(size % 8), "a range is not aligned");
	regions[nr_regions++] = (struct region){ (uintptr_t)start, (uintptr_t)start + size };
}

void snapshot_add_shadow(const void *start, size_t size)
{
	size_t scale, offset;

	__asan_get_shadow_mapping(&scale, &offset);
	snapshot_add((void *)(((uintptr_t)start >> scale) + offset), size >> scale);
}

/* Add the words of static data. The linker aligns neither end of a section. */
static void add_section(char *start, char *end)
{
	uintptr_t from = (uintptr_t)start & ~7UL, to = ((uintptr_t)end + 7) & ~7UL;

	if (start != end)
		snapshot_add((void *)from, to - from);
}

/* The parts of a region's first and last page, which it may share with other data. */
static void add_edges(const struct region *r)
{
	uintptr_t first = page_of(r->start + PAGE - 1), last = page_of(r->end);

	if (first >= r->end || first > last) {
		add_hot(r->start, r->end);
		return;
	}
	if (r->start < first)
		add_hot(r->start, first);
	if (last < r->end)
		add_hot(last, r->end);
}

static uint8_t *heap;
static size_t heap_used; /* in bytes */
static unsigned long nr_objects;
static struct heap_state {
	size_t used;
	unsigned long objects;
} heap_before;

static void make_heap(void)
{
	if (heap)
		return;
	heap = map(HEAP_SIZE);
	__asan_poison_memory_region(heap, HEAP_SIZE);
}

void snapshot_take(void)
{
	struct sigaction action = { .sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK };
	unsigned int i;

	add_section(__start_machine_data, __stop_machine_data);
	add_section(__start_machine_bss, __stop_machine_bss);
	make_heap();
	snapshot_add(heap, heap_used);
	snapshot_add_shadow(heap, HEAP_SIZE);
	heap_before = (struct heap_state){ heap_used, nr_objects };
	saved = map(sizeof(*saved) * MAX_HOT);
	for (i = 0; i < nr_regions; i++)
		add_edges(&regions[i]);
	nr_fixed = nr_hot;
	action.sa_sigaction = on_store;
	sigaction(SIGSEGV, &action, &before);
	protect(false);
	taken = true;
}

bool snapshot_restore(void)
{
	unsigned int i;

	if (!taken)
		return false;
	for (i = 0; i < nr_hot; i++)
		copy((void *)hot[i].start, saved[i], hot[i].end - hot[i].start);
	heap_used = heap_before.used;
	nr_objects = heap_before.objects;
	/* Protect all pages again now and then: some may have been changed by one input only. */
	if (++restores % COOL_EVERY == 0) {
		nr_hot = nr_fixed;
		protect(false);
	}
	return true;
}

uint64_t snapshot_digest(void)
{
	uint64_t sum = taken ? 1 : 0;
	unsigned int i;
	size_t at;

	for (i = 0; i < nr_hot; i++) {
		for (at = 0; at < hot[i].end - hot[i].start; at += 8) {
			uint64_t now = *(uint64_t *)(hot[i].start + at);

			/* Addition: the order in which pages became hot does not matter. */
			if (now != *(uint64_t *)(saved[i] + at)) {
				now = (now ^ (hot[i].start + at)) * 0x9e3779b97f4a7c15ULL;
				sum += (now ^ now >> 29) * 0xbf58476d1ce4e5b9ULL;
			}
		}
	}
	return sum;
}

/* ---- the heap ---------------------------------------------------------------------- */

struct object {
	uint64_t alive; /* ALIVE, or 0 after it was freed */
	uint64_t size;
};

/* Unpoison in pieces: for a large range, ASan would map new pages over the protected shadow. */
static void unpoison(uint8_t *start, size_t size)
{
	size_t at, piece = 64 * PAGE;

	for (at = 0; at < size; at += piece)
		__asan_unpoison_memory_region(start + at, size - at < piece ? size - at : piece);
}

void *snapshot_alloc(size_t size)
{
	struct object *object;
	size_t i, room = (size + 15 + 16) & ~15UL; /* at least 16 poisoned bytes after it */

	make_heap();
	if (size > HEAP_SIZE / 2 || heap_used + sizeof(*object) + room > HEAP_SIZE)
		return NULL;
	object = (struct object *)(heap + heap_used);
	heap_used += sizeof(*object) + room;
	nr_objects++;
	*object = (struct object){ ALIVE, size };
	for (i = 0; i < room / 8; i++) {
		((volatile uint64_t *)(object + 1))[i] = 0;
	}
	unpoison((uint8_t *)(object + 1), size);
	return object + 1;
}

static struct object *object_of(void *p)
{
	struct object *object = (struct object *)p - 1;

	must(heap && (uint8_t *)object >= heap && (uint8_t *)p < heap + heap_used &&
		     object->alive == ALIVE,
	     "the pointer to free is not an object in use");
	return object;
}

void snapshot_free(void *p)
{
	struct object *object;

	if (!p)
		return;
	object = object_of(p);
	object->alive = 0;
	nr_objects--;
	__asan_poison_memory_region(p, object->size);
}

void *snapshot_realloc(void *p, size_t size)
{
	void *to = snapshot_alloc(size);
	size_t i, n;

	if (!to || !p)
		return to;
	n = object_of(p)->size;
	for (i = 0; i < (n < size ? n : size); i++)
		((volatile uint8_t *)to)[i] = ((uint8_t *)p)[i];
	snapshot_free(p);
	return to;
}

unsigned long snapshot_objects(void)
{
	return nr_objects;
}

int snapshot_process_id(void)
{
	return 1;
}
