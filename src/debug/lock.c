// SPDX-License-Identifier: MIT
/*
 * lock.c - check how locks are used: their order, recursion, and sleeping under a spinlock or in a
 * section that is pinned to its hart (hv/pin.h).
 *
 * Each place that takes a lock belongs to a class, such as mm.lock, and each class has a level: both
 * are in lock_classes.h, which is generated from the sources and from the table of levels in
 * docs/locking.md. A thread may wait for a lock only if its level is above those of all locks that
 * the thread and its hart hold. A lock of a class that is declared to nest may also be taken under
 * another lock of its class. A trylock does not wait, so it may be out of order.
 *
 * Locks: none. Each hart writes only its own list of spinlocks, and each thread its own list of
 * mutexes, with interrupts off; the table of learned pairs is written without a lock, because it
 * does not matter which of several concurrent pairs remains there.
 */
#include <string.h>
#include "check.h"
#include "lib/printk.h"
#include "lock_classes.h"
#include "platform/bootargs.h"
#include "sched/smp.h"

#define HELD_MAX     16
#define KSTACK_SPACE 64 /* offset of a thread's list in its kernel stack, above the canary */

struct held {
	const void *lock;
	const struct lock_site *site;
	const void *caller;
};

struct held_list {
	unsigned long count;
	struct held held[HELD_MAX];
};

/* The first pair of places that took a lock of one class under a lock of another class. */
struct pair {
	const struct lock_site *outer, *inner;
};

/* The sections that a hart is in, and the place in which it has entered the outermost of them. */
struct pinned {
	unsigned long sections;
	const void *caller;
};

static struct held_list spinlocks[HV_MAX_HARTS];
static struct pinned pinned[HV_MAX_HARTS];
static struct pair learned[NR_LOCK_CLASSES][NR_LOCK_CLASSES]; /* outer class, inner class */

static struct held_list *held_by_hart(void)
{
	return &spinlocks[this_hart()];
}

/* A stack is cleared when it is allocated, so a new thread holds no mutex. */
static struct held_list *held_by_thread(void)
{
	return (struct held_list *)((char *)current->kstack + KSTACK_SPACE);
}

static struct held_list *list_of(enum lock_kind kind)
{
	return kind == LOCK_SPIN ? held_by_hart() : held_by_thread();
}

static bool is_place(const struct lock_place *place, const struct lock_site *site)
{
	const char *a = place->file, *b = site->file;

	while (*a && *a == *b)
		a++, b++;
	return *a == *b && place->line == site->line;
}

static const struct lock_class *class_of(struct lock_site *site)
{
	for (unsigned int i = 0; site->lock_class < 0 && i < ARRAY_SIZE(lock_places); i++)
		if (is_place(&lock_places[i], site))
			site->lock_class = lock_places[i].lock_class;
	if (site->lock_class < 0)
		panic("%s:%d: this lock has no class", site->file, site->line);
	return &lock_classes[site->lock_class];
}

static const char *name_of(const struct lock_site *site)
{
	return lock_classes[site->lock_class].name;
}

static void print_held(const char *what, const struct held_list *list)
{
	for (unsigned long i = 0; i < list->count; i++)
		printk("host: %s %s %p, taken at %s:%d, in %p\n", what, name_of(list->held[i].site),
		       list->held[i].lock, list->held[i].site->file, list->held[i].site->line,
		       list->held[i].caller);
}

/* Print the locks that this hart and this thread hold, and the callers' addresses. */
static void debug_print_locks(void)
{
	print_held("this hart holds", held_by_hart());
	print_held("this thread holds", held_by_thread());
	debug_print_stack(__builtin_frame_address(0));
}

static void check_pair(const struct held *outer, const struct lock_site *site)
{
	const struct lock_class *class = &lock_classes[site->lock_class];
	const struct lock_class *held = &lock_classes[outer->site->lock_class];
	const struct pair *opposite = &learned[site->lock_class][outer->site->lock_class];
	struct pair *pair = &learned[outer->site->lock_class][site->lock_class];

	if (!pair->outer)
		*pair = (struct pair){ outer->site, site };
	if (class->level > held->level || (class == held && class->nests))
		return;
	if (opposite->outer)
		printk("host: the opposite order was used: %s taken at %s:%d, then %s at %s:%d\n",
		       class->name, opposite->outer->file, opposite->outer->line, held->name,
		       opposite->inner->file, opposite->inner->line);
	debug_print_locks();
	panic("lock order: %s (level %d) is requested at %s:%d under %s (level %d), taken at %s:%d",
	      class->name, class->level, site->file, site->line, held->name, held->level,
	      outer->site->file, outer->site->line);
}

void debug_lock_wanted(const void *lock, enum lock_kind kind, struct lock_site *site, bool waits)
{
	const struct held_list *list = list_of(kind),
			       *both[] = { held_by_hart(), held_by_thread() };
	const struct lock_class *class = class_of(site);

	for (unsigned long i = 0; i < list->count; i++) {
		if (list->held[i].lock != lock || !waits)
			continue;
		debug_print_locks();
		panic("recursion: %s is requested at %s:%d, but was taken at %s:%d", class->name,
		      site->file, site->line, list->held[i].site->file, list->held[i].site->line);
	}
	if (!waits)
		return;
	if (kind == LOCK_MUTEX)
		debug_may_sleep("mutex_lock");
	for (unsigned int i = 0; i < ARRAY_SIZE(both); i++)
		for (unsigned long j = 0; j < both[i]->count; j++)
			check_pair(&both[i]->held[j], site);
}

void debug_lock_taken(const void *lock, enum lock_kind kind, const struct lock_site *site)
{
	struct held_list *list = list_of(kind);

	if (list->count == HELD_MAX) {
		debug_print_locks();
		panic("%d locks are held at %s:%d", HELD_MAX, site->file, site->line);
	}
	list->held[list->count++] = (struct held){ lock, site, __builtin_return_address(0) };
}

void debug_lock_released(const void *lock, enum lock_kind kind)
{
	struct held_list *list = list_of(kind);

	for (unsigned long i = list->count; i-- > 0;) {
		if (list->held[i].lock != lock)
			continue;
		for (list->count--; i < list->count; i++)
			list->held[i] = list->held[i + 1];
		return;
	}
	debug_print_locks();
	panic("unlock: this %s does not hold %p, released in %p",
	      kind == LOCK_SPIN ? "hart" : "thread", lock, __builtin_return_address(0));
}

void hv_pin(void)
{
	struct pinned *mine = &pinned[this_hart()];

	if (!mine->sections++)
		mine->caller = __builtin_return_address(0);
}

void hv_unpin(void)
{
	if (!pinned[this_hart()].sections--)
		panic("hv_unpin: the hart is not pinned, in %p", __builtin_return_address(0));
}

unsigned int debug_hart(const char *file, int line)
{
	if (!pinned[this_hart()].sections)
		panic("%s:%d: the number of the hart is used while it is not pinned", file, line);
	return this_hart();
}

bool debug_holds_spinlock(void)
{
	return held_by_hart()->count;
}

void debug_may_sleep(const char *function)
{
	const struct held_list *list = held_by_hart();
	const struct held *held = &list->held[0];

	if (list->count) {
		debug_print_locks();
		panic("%s() may sleep, but %s is held, taken at %s:%d", function,
		      name_of(held->site), held->site->file, held->site->line);
	}
	if (pinned[this_hart()].sections) {
		debug_print_stack(__builtin_frame_address(0));
		panic("%s() may sleep, but the hart is pinned since %p", function,
		      pinned[this_hart()].caller);
	}
}

/* Returns the level of the lock that the function may take. */
static int level_of(struct may_take *site)
{
	for (unsigned int i = 0; !site->lock_class && i < NR_LOCK_CLASSES; i++)
		if (!strcmp(lock_classes[i].name, site->lock_name))
			site->lock_class = &lock_classes[i];
	if (!site->lock_class)
		panic("%s() may take %s, which has no level", site->function, site->lock_name);
	return site->lock_class->level;
}

void debug_may_take(struct may_take *site)
{
	const struct held_list *both[] = { held_by_hart(), held_by_thread() };
	int level = level_of(site);

	for (unsigned int i = 0; i < ARRAY_SIZE(both); i++) {
		for (unsigned long j = 0; j < both[i]->count; j++) {
			const struct held *held = &both[i]->held[j];
			const struct lock_class *class = &lock_classes[held->site->lock_class];

			if (class->level < level)
				continue;
			debug_print_locks();
			panic("%s() may take %s (level %d), but %s (level %d) is held, taken at "
			      "%s:%d",
			      site->function, site->lock_name, level, class->name, class->level,
			      held->site->file, held->site->line);
		}
	}
}

void debug_no_locks(const char *function)
{
	const struct held_list *list = held_by_thread();

	debug_may_sleep(function);
	if (!list->count)
		return;
	debug_print_locks();
	panic("%s() ends, but %s is held, taken at %s:%d", function, name_of(list->held[0].site),
	      list->held[0].site->file, list->held[0].site->line);
}

void debug_print_learned(void)
{
	const struct pair *pair = &learned[0][0];

	for (unsigned int i = 0; i < NR_LOCK_CLASSES * NR_LOCK_CLASSES; i++, pair++)
		if (pair->outer)
			printk("host: lock order: %s %s:%d > %s %s:%d\n", name_of(pair->outer),
			       pair->outer->file, pair->outer->line, name_of(pair->inner),
			       pair->inner->file, pair->inner->line);
}
