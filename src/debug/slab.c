// SPDX-License-Identifier: MIT
/*
 * slab.c - check the use of kmalloc() objects: red zones, poison, wrong and double frees.
 *
 * An object of kmalloc() is placed into a larger one of the normal allocator:
 *
 *   | struct object, with a red zone at its end | the caller's object | red zone ... |
 *
 * An object that would then need more pages, such as one of exactly a page, is left as it is: its
 * pages go through the quarantine of page.c.
 *
 * A freed object is filled with POISON and waits in a quarantine, so that it is not used again soon.
 * Its poison is checked when it leaves the quarantine, which holds at most QUARANTINE_MAX bytes, and
 * is emptied when an allocation fails, when a process ends, and when free memory is counted (page.c).
 *
 * Locks: objects_lock guards both lists; a leaf, taken without the checks of lock.c.
 */
#include <string.h>
#include "check.h"
#include "hv/list.h"
#include "lib/printk.h"
#include "mm/account.h"
#include "mm/page.h"
#include "sched/thread.h"

#define POISON         0x6b
#define RED            0xbb
#define RED_SIZE       16 /* bytes: exactly before an object, and at least behind it */
#define IN_USE         0x6573752d6e692121
#define FREED          0x6465657266212121
#define QUARANTINE_MAX (256UL << 10)

struct object {
	struct list_head link; /* in `live` or `quarantine` */
	size_t size;           /* bytes that the caller asked for */
	const void *allocated_by, *freed_by;
	u64 state; /* IN_USE or FREED */
	u8 red[RED_SIZE];
};

static struct list_head live = LIST_HEAD_INIT(live), quarantine = LIST_HEAD_INIT(quarantine);
static size_t quarantined; /* bytes */
static size_t in_use;      /* bytes asked for, of all objects in `live` */
static struct spinlock objects_lock;

void *__real_kmalloc(size_t size);
void __real_kfree(void *p);
void __real_kmalloc_close(struct account *account);
void *__wrap_kmalloc(size_t size);
void __wrap_kfree(void *p);
void __wrap_kmalloc_close(struct account *account);

#undef spin_lock
#undef spin_unlock

/* Return the size of the normal allocator's object for so many bytes. */
static size_t rounded(size_t size)
{
	size_t space = 32;

	while (space < size)
		space *= 2;
	return space;
}

static size_t space_of(const struct object *object)
{
	return rounded(sizeof(*object) + object->size + RED_SIZE);
}

/* Would the object, with its red zones, need more contiguous pages than in the normal kernel? */
static bool needs_pages(size_t size)
{
	size_t total = rounded(sizeof(struct object) + size + RED_SIZE);

	return total > PAGE_SIZE && total > rounded(size);
}

/* Is p an object without a struct object? Only such objects begin at a page boundary. */
static bool is_unchecked(const void *p)
{
	return IS_ALIGNED((unsigned long)p, PAGE_SIZE);
}

static void report(const char *what, const struct object *object, const void *caller)
{
	printk("host: object of %zu bytes at %p, allocated in %p, freed in %p\n", object->size,
	       object + 1, object->allocated_by, object->freed_by);
	debug_print_stack(__builtin_frame_address(0));
	panic("kmalloc-%zu: %s, object %p, in %p", space_of(object), what, object + 1, caller);
}

/* Check that `size` bytes at an offset of the object have the value. */
static void check_bytes(const struct object *object, const char *what, long offset, size_t size,
			u8 value, const void *caller)
{
	const u8 *p = (const u8 *)(object + 1) + offset;
	char text[96];

	for (size_t i = 0; i < size; i++) {
		if (p[i] == value)
			continue;
		snprintf(text, sizeof(text), "%s overwritten at offset %ld: 0x%02x, not 0x%02x",
			 what, offset + (long)i, p[i], value);
		report(text, object, caller);
	}
}

static void check_object(const struct object *object, const void *caller)
{
	size_t behind = space_of(object) - sizeof(*object) - object->size;

	check_bytes(object, "red zone before it", -RED_SIZE, RED_SIZE, RED, caller);
	check_bytes(object, "red zone behind it", (long)object->size, behind, RED, caller);
	if (object->state == FREED)
		check_bytes(object, "poison of the freed object", 0, object->size, POISON, caller);
}

void debug_slab_check(void)
{
	struct object *object;

	spin_lock(&objects_lock);
	list_for_each_entry(object, &live, link)
		check_object(object, __builtin_return_address(0));
	list_for_each_entry(object, &quarantine, link)
		check_object(object, __builtin_return_address(0));
	spin_unlock(&objects_lock);
}

/* Take the oldest objects out of the quarantine until it holds at most `most` bytes. */
static void drain(size_t most)
{
	struct object *object;

	for (;;) {
		spin_lock(&objects_lock);
		if (quarantined <= most || list_empty(&quarantine))
			break;
		object = list_first_entry(&quarantine, struct object, link);
		list_del(&object->link);
		quarantined -= space_of(object);
		spin_unlock(&objects_lock);
		check_object(object, __builtin_return_address(0));
		__real_kfree(object);
	}
	spin_unlock(&objects_lock);
}

void debug_slab_drain(void)
{
	drain(0);
}

size_t debug_slab_bytes(void)
{
	return READ_ONCE(in_use);
}

void *__wrap_kmalloc(size_t size)
{
	size_t total = sizeof(struct object) + size + RED_SIZE;
	struct object *object;

	if (debug_alloc_fails(__builtin_frame_address(0)))
		return NULL;
	if (needs_pages(size))
		return __real_kmalloc(size);
	object = __real_kmalloc(total);
	if (!object && !debug_failed()) {
		drain(0);
		object = __real_kmalloc(total);
	}
	if (!object)
		return NULL;
	object->size = size;
	object->allocated_by = __builtin_return_address(0);
	object->state = IN_USE;
	memset(object->red, RED, RED_SIZE);
	memset((u8 *)(object + 1) + size, RED, space_of(object) - sizeof(*object) - size);
	spin_lock(&objects_lock);
	list_add_tail(&object->link, &live);
	in_use += size;
	spin_unlock(&objects_lock);
	return object + 1;
}

void __wrap_kfree(void *p)
{
	const void *caller = __builtin_return_address(0);
	struct object *object;

	if (!p)
		return;
	DEBUG_MAY_TAKE("kfree", "slab_lock"); /* the quarantine takes it later, if at all */
	if (is_unchecked(p)) {
		__real_kfree(p);
		return;
	}
	object = (struct object *)p - 1;
	if (object->state == FREED)
		report("double free", object, caller);
	if (object->state != IN_USE) {
		debug_print_stack(__builtin_frame_address(0));
		panic("kfree: %p is not an object of kmalloc(), in %p", p, caller);
	}
	check_object(object, caller);
	if (debug_device_uses(va_to_pa(p), object->size))
		report("still used by a device", object, caller);
	memset(p, POISON, object->size);
	object->freed_by = caller;
	object->state = FREED;
	spin_lock(&objects_lock);
	list_del(&object->link);
	in_use -= object->size;
	list_add_tail(&object->link, &quarantine);
	quarantined += space_of(object);
	spin_unlock(&objects_lock);
	drain(QUARANTINE_MAX);
}

/* When a process ends, its freed objects must not keep pages that are charged to its account. */
void __wrap_kmalloc_close(struct account *account)
{
	drain(0);
	__real_kmalloc_close(account);
}
