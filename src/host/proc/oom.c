// SPDX-License-Identifier: MIT
/*
 * oom.c - out of memory: end the process with the largest footprint, and wait for its memory.
 *
 * The victim is the process with the largest footprint, whoever asked for the page: a process
 * that needs one page must not pay for another that has all the others. Nobody is exempt but pid 1,
 * which is no program; the first program, too, is ended when it is the largest.
 *
 * One victim at a time. Whoever finds no memory while it ends waits for it and tries again. A victim
 * that keeps its memory for OOM_PATIENCE_MS without freeing any (it sleeps where it cannot be ended,
 * or waits for a lock of one who waits here) is passed over, and the next is chosen.
 *
 * Locks: `choosing` (a mutex) for the victim in force; all_processes_lock > p->lock within. Callers
 * hold neither mm->lock nor a spinning lock: the victim may need it to end.
 */
#include "oom.h"
#include <asm/signal.h>
#include <string.h>
#include "hv/bits.h"
#include "hv/host.h"
#include "lib/printk.h"
#include "mm/mm.h"
#include "mm/page.h"
#include "process_impl.h"
#include "sched/wait.h"

#define PATIENCE_MS 1000
#define ROUND_MS    50 /* between two looks at whether the victim gets on */

static struct mutex choosing = { .waiters = LIST_HEAD_INIT(choosing.waiters) };
static struct process *victim; /* referenced, or NULL */
static u64 give_up;            /* time at which the victim is passed over */
static size_t free_seen;       /* free pages when that time was set */
static struct waitq freed = { .entries = LIST_HEAD_INIT(freed.entries) };

static u64 after_ms(unsigned long ms)
{
	return hv_time() + hv_timebase_hz() / 1000 * ms;
}

/*
 * What p's end would give back, in 4K pages. One that is giving it back already comes before all
 * others: ~0. all_processes_lock is held.
 */
static size_t footprint(struct process *p)
{
	size_t pages = 0;

	spin_lock(&p->lock);
	if (p->mm)
		pages = READ_ONCE(p->mm->total_pages);
	else if (p->exiting && !READ_ONCE(p->memory_freed))
		pages = ~0UL;
	spin_unlock(&p->lock);
	return pages;
}

/* The process with the largest footprint, referenced; NULL: nobody is left to be tried. */
static struct process *find_largest(size_t *pages)
{
	struct process *p, *found = NULL;
	size_t n;

	*pages = 0;
	spin_lock(&all_processes_lock);
	list_for_each_entry(p, &all_processes, all_link) {
		n = p->oom_passed_over ? 0 : footprint(p);
		if (n <= *pages)
			continue;
		*pages = n;
		found = p;
	}
	if (found)
		process_get(found);
	spin_unlock(&all_processes_lock);
	return found;
}

/* With every other process that uses the same memory: else it would stay. */
static void end_users_of_memory(struct process *p)
{
	const struct mm *mm = READ_ONCE(p->mm); /* only compared */
	struct process *q;

	spin_lock(&all_processes_lock);
	list_for_each_entry(q, &all_processes, all_link)
		if (q == p || (mm && READ_ONCE(q->mm) == mm))
			process_end(q, SIGKILL);
	spin_unlock(&all_processes_lock);
}

static const char *name_of(const struct process *p)
{
	const char *slash = strrchr(p->path, '/');

	return slash ? slash + 1 : p->path;
}

/* Still the victim in force? `choosing` is held. */
static bool victim_is_in_force(void)
{
	if (!victim)
		return false;
	if (page_free_count() > free_seen) { /* it gets on */
		free_seen = page_free_count();
		give_up = after_ms(PATIENCE_MS);
	}
	if (hv_time() < give_up && !READ_ONCE(victim->memory_freed))
		return true;
	victim->oom_passed_over = true;
	process_put(victim);
	victim = NULL;
	return false;
}

/* The process whose end is to be waited for, referenced; NULL: there is none. `choosing` is held. */
static struct process *choose(const char *what)
{
	size_t pages;

	if (!victim_is_in_force()) {
		victim = find_largest(&pages);
		if (!victim)
			return NULL;
		give_up = after_ms(PATIENCE_MS);
		free_seen = page_free_count();
		if (!READ_ONCE(victim->exiting)) {
			printk_limited("host: out of memory for %s of %s (%d): ended %s (%d), "
				       "the largest, of %lu kB\n",
				       what, current->name, current->tid, name_of(victim),
				       victim->pid, pages * (PAGE_SIZE / 1024));
			end_users_of_memory(victim);
		}
	}
	process_get(victim);
	return victim;
}

bool oom_wait(const char *what)
{
	struct process *p;

	if (READ_ONCE(current->sig.kill) || mutex_lock_killable(&choosing))
		return false;
	p = choose(what);
	mutex_unlock(&choosing);
	if (!p) {
		process_end(current_process, SIGKILL);
		return false;
	}
	(void)__wait_event(&freed, READ_ONCE(p->memory_freed), THREAD_KILLABLE, after_ms(ROUND_MS));
	process_put(p);
	return !READ_ONCE(current->sig.kill);
}

void oom_memory_freed(struct process *p)
{
	WRITE_ONCE(p->memory_freed, true);
	waitq_wake_all(&freed);
}

/* The last of memory: where only this much is free a failed call is worth somebody's end. */
static bool memory_is_out(void)
{
	return page_free_count() < page_total_count() / 64;
}

bool oom_failed_call(void)
{
	return current->no_page && memory_is_out();
}
