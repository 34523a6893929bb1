// SPDX-License-Identifier: MIT
/*
 * oom.c - out of memory: end the largest process of the largest family, and wait for its memory.
 *
 * A family is a process and its descendants, including those whose parent has ended (account.c).
 * Which process needed the page does not matter: a process that needs one page must not be ended
 * because another process has taken all other pages. Families are compared first because a program
 * may consist of many processes, each smaller than a process of another program. Only pid 1, which
 * is part of the kernel, is exempt; even the first program is ended if it is the largest.
 *
 * No process is ended while more than a sixteenth of memory is free (page_is_plenty()): a call that
 * lacks contiguous pages then fails, because its caller can cope with that, and a victim cannot. While
 * a process frees its memory at its end, though, the call waits: pages will form larger blocks again.
 *
 * There is one victim at a time. A thread that finds no memory while the victim is ending waits for
 * the victim's end and tries again. If no page becomes free for PATIENCE_MS (the victim sleeps
 * where it cannot be interrupted, or waits for a lock that a thread waiting here holds), the victim
 * is passed over, and the next one is chosen.
 *
 * Locks: `choosing` (a mutex) guards the current victim; within it, all_processes_lock > p->lock,
 * and all_processes_lock > accounts_lock. Callers hold neither mm->lock nor a spinlock, because the
 * victim may need such a lock to end.
 */
#include "oom.h"
#include <asm/signal.h>
#include <string.h>
#include "hv/bits.h"
#include "hv/host.h"
#include "lib/printk.h"
#include "mm/account.h"
#include "mm/mm.h"
#include "mm/page.h"
#include "mm/shortage.h"
#include "mm/vma.h"
#include "process_impl.h"
#include "sched/wait.h"

#define PATIENCE_MS 1000
#define ROUND_MS    50 /* time between two checks for free memory */
#define PLENTY_MS   1  /* the same, while much memory is free */

static struct mutex choosing = { .waiters = LIST_HEAD_INIT(choosing.waiters) };
u32 oom_round;
u32 oom_nr_ending;

static struct process *victim; /* referenced, or NULL */
static u64 give_up;            /* time at which the victim is passed over */
static size_t free_seen;       /* free pages when give_up was set */
static struct waitq freed = { .entries = LIST_HEAD_INIT(freed.entries) };

static u64 after_ms(unsigned long ms)
{
	return hv_time() + hv_timebase_hz() / 1000 * ms;
}

/*
 * Return how many 4K pages p's end would free. p->lock is held. Memory that several processes share
 * (CLONE_VM) counts only for the first of them: they are all ended together, and counting the
 * memory again would make their family seem larger than it is.
 */
static size_t footprint(const struct process *p, u32 round)
{
	size_t pages = account_pages(p->account), mapped, elsewhere;

	if (p->mm && p->mm->counted_in != round) {
		p->mm->counted_in = round;
		mapped = READ_ONCE(p->mm->total_pages);
		elsewhere = READ_ONCE(p->mm->elsewhere_pages);
		pages += mapped - MIN(mapped, elsewhere);
	}
	return pages;
}

/*
 * In each address space, count the mapped pages that are not part of its own footprint: pages
 * charged to an account, even to that of the same process, are counted for the account, and huge
 * pages go back to their pool. If another thread holds mm->lock, keep the last count: that thread
 * may wait for a lock that our caller holds. Do not become a user of the address space: the last user
 * frees its files, and a VM takes locks that precede `choosing`.
 */
static void count_elsewhere(void)
{
	struct mm *mm;

	for (mm = mm_next_struct(NULL); mm; mm = mm_next_struct(mm)) {
		if (!mutex_trylock(&mm->lock))
			continue;
		if (mm_is_used(mm))
			mm->elsewhere_pages = mm_count_elsewhere(mm);
		mutex_unlock(&mm->lock);
	}
}

/*
 * Set the footprint of each process. all_processes_lock is held. Returns a process that is already
 * freeing its memory, or NULL.
 */
static struct process *set_footprints(void)
{
	static u32 round;
	struct process *p, *ending = NULL;

	round++;
	list_for_each_entry(p, &all_processes, all_link) {
		spin_lock(&p->lock);
		if (p->account)
			p->account->footprint = p->oom_passed_over ? 0 : footprint(p, round);
		if (p->exiting && !p->mm && !READ_ONCE(p->memory_freed) && !p->oom_passed_over)
			ending = p;
		spin_unlock(&p->lock);
	}
	return ending;
}

/*
 * Set *found to the process to end, and *pages to its footprint. If a process is already freeing
 * its memory, set *found to that process, and *pages to 0. A process in *found is referenced. If
 * all processes have been passed over, set *found to NULL, and *pages to 0. Returns false if the
 * largest process has ended meanwhile.
 */
static bool find_largest(struct process **found, size_t *pages)
{
	const struct account *account;
	struct process *p;

	*pages = 0;
	count_elsewhere();
	spin_lock(&all_processes_lock);
	*found = set_footprints();
	account = *found ? NULL : account_find_largest();
	list_for_each_entry(p, &all_processes, all_link) {
		/* A process that ends takes this lock before it frees its account. */
		spin_lock(&p->lock);
		if (account && p->account == account) {
			*pages = account->footprint;
			*found = p;
		}
		spin_unlock(&p->lock);
	}
	if (*found)
		process_get(*found);
	spin_unlock(&all_processes_lock);
	return *found || !account;
}

/* End p and every other process with the same address space: only then is its memory freed. */
static void end_users_of_memory(struct process *p)
{
	const struct mm *mm = READ_ONCE(p->mm); /* only compared, never dereferenced */
	struct process *q;

	spin_lock(&all_processes_lock);
	list_for_each_entry(q, &all_processes, all_link)
		if (q == p || (mm && READ_ONCE(q->mm) == mm))
			process_end(q, SIGKILL);
	spin_unlock(&all_processes_lock);
}

/* Store the path of p's program in `path`, and return the last part of it. */
static const char *name_of(struct process *p, char path[PROCESS_PATH_LEN])
{
	const char *slash;

	process_path(p, path, PROCESS_PATH_LEN);
	slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

/* Should threads still wait for the victim, if any? If not, drop it. `choosing` is held. */
static bool victim_is_pending(void)
{
	if (!victim)
		return false;
	if (page_free_count() > free_seen) { /* memory is being freed: wait longer */
		free_seen = page_free_count();
		give_up = after_ms(PATIENCE_MS);
	}
	if (hv_time() < give_up && !__atomic_load_n(&victim->memory_freed, __ATOMIC_ACQUIRE))
		return true;
	victim->oom_passed_over = true;
	process_put(victim);
	victim = NULL;
	return false;
}

/*
 * Choose a new victim, unless all processes have been passed over, and end it. `choosing` is held.
 * Adding up the footprints takes long: returns false if, meanwhile, the largest process has ended
 * or more than 1/64 of memory has become free.
 */
static bool choose(const char *what)
{
	size_t pages, before = page_free_count();
	char path[PROCESS_PATH_LEN];

	if (!find_largest(&victim, &pages))
		return false;
	if (!victim)
		return true;
	if (page_free_count() > before + page_total_count() / 64) {
		process_put(victim);
		victim = NULL;
		return false;
	}
	give_up = after_ms(PATIENCE_MS);
	free_seen = page_free_count();
	if (READ_ONCE(victim->exiting))
		return true;
	printk_limited("host: out of memory in %s by %s (%d): ended the largest process of the "
		       "largest family, %s (%d, %lu kB); %lu kB are free\n",
		       what, current->name, current->tid, name_of(victim, path), victim->pid,
		       pages * (PAGE_SIZE / 1024), free_seen * (PAGE_SIZE / 1024));
	end_users_of_memory(victim);
	return true;
}

/*
 * Set *p to the victim to wait for (referenced), or to NULL if there is none. Returns false if
 * memory has been freed since the calling thread failed to get its page, so that no new victim is
 * needed.
 */
static bool find_victim(const char *what, struct process **p)
{
	bool found = true;

	*p = NULL;
	if (!victim_is_pending()) {
		/*
		 * oom_round rises before memory_freed is set, so this check notices the last
		 * victim's end.
		 */
		found = __atomic_load_n(&oom_round, __ATOMIC_ACQUIRE) == current->missed_in;
		if (found)
			found = choose(what);
	}
	if (found && victim) {
		process_get(victim);
		*p = victim;
	}
	current->missed_in = READ_ONCE(oom_round);
	return found;
}

bool oom_wait(const char *what)
{
	struct process *p;
	bool found;

	page_miss_forget(); /* handled here */
	if (shortage_end())
		return true;
	/*
	 * While much memory is free, no process is ended: another thread has just freed it, or a
	 * process is still freeing it, and contiguous pages are missing so far.
	 */
	if (page_is_plenty()) {
		(void)__wait_event(&freed, false, THREAD_KILLABLE, after_ms(PLENTY_MS));
		return !READ_ONCE(current->sig.kill);
	}
	if (READ_ONCE(current->sig.kill) || mutex_lock_killable(&choosing))
		return false;
	found = find_victim(what, &p);
	mutex_unlock(&choosing);
	if (!found)
		return true;
	if (!p) {
		process_end(current_process, SIGKILL);
		return false;
	}
	(void)__wait_event(&freed, READ_ONCE(p->memory_freed), THREAD_KILLABLE, after_ms(ROUND_MS));
	process_put(p);
	return !READ_ONCE(current->sig.kill);
}

void oom_round_ended(void)
{
	__atomic_fetch_add(&oom_round, 1, __ATOMIC_RELEASE);
}

void oom_memory_freeing(void)
{
	__atomic_fetch_add(&oom_nr_ending, 1, __ATOMIC_RELAXED);
}

void oom_memory_freed(struct process *p)
{
	__atomic_fetch_sub(&oom_nr_ending, 1, __ATOMIC_RELAXED);
	oom_round_ended();
	__atomic_store_n(&p->memory_freed, true, __ATOMIC_RELEASE);
	waitq_wake_all(&freed);
	/*
	 * Drop a victim now, and not only when memory runs out again: its struct keeps its account
	 * and a page. Whoever makes p the victim after this look finds memory_freed set.
	 */
	if (READ_ONCE(victim) == p) {
		mutex_lock(&choosing);
		(void)victim_is_pending();
		mutex_unlock(&choosing);
	}
}
