// SPDX-License-Identifier: MIT
/*
 * mutex.c - locks that are slept for.
 *
 * Who comes takes a free mutex, though others sleep for it: to give it to a sleeper would leave it
 * idle until he runs, and so make a queue of threads of every lock that is much used. But a thread
 * that is woken when the mutex is free, and comes too late each time, would wait for ever beside
 * others that take it again and again. So the next in line who has waited MUTEX_PATIENCE_MS asks
 * for it (HANDOFF): from then on nobody but him takes it, and unlocking makes him its holder.
 *
 * The bits stand in the word of the holder's address, so that the ways without a waiter are one
 * atomic operation each: to lock exchanges 0 for `current`, to unlock takes `current` out, and what
 * is left says whether somebody waits.
 *
 * Invariant: WAITERS is set while the list is not empty; HANDOFF only together with it, by and for
 * the first of the list. Both change under `lock`. With HANDOFF and without a holder, only he or the
 * unlocker for him, both under `lock`, write the word.
 * Locks: a waker takes a run queue's lock within m->lock.
 */
#include <asm-generic/errno.h>
#include "clock.h"
#include "lib/printk.h"
#include "wait.h"

#define MUTEX_WAITERS 1UL
#define MUTEX_HANDOFF 2UL
#define MUTEX_BITS    (MUTEX_WAITERS | MUTEX_HANDOFF)

void mutex_init(struct mutex *m)
{
	m->lock = (struct spinlock){ 0 };
	m->holder = 0;
	list_init(&m->waiters);
}

/* Takes it if nobody has it; where it is asked for, only for the first of those who wait. */
static bool take(struct mutex *m, bool is_first)
{
	unsigned long word = __atomic_load_n(&m->holder, __ATOMIC_RELAXED);

	while (!(word & ~MUTEX_BITS) && (is_first || !(word & MUTEX_HANDOFF)))
		if (__atomic_compare_exchange_n(&m->holder, &word, word | (unsigned long)current,
						false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			return true;
	return false;
}

/* Without a waiter: one exchange. */
static bool take_unwanted(struct mutex *m)
{
	unsigned long nobody = 0;

	return __atomic_compare_exchange_n(&m->holder, &nobody, (unsigned long)current, false,
					   __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

bool mutex_trylock(struct mutex *m)
{
	return take_unwanted(m) || take(m, false);
}

bool mutex_is_mine(const struct mutex *m)
{
	return (__atomic_load_n(&m->holder, __ATOMIC_RELAXED) & ~MUTEX_BITS) ==
	       (unsigned long)current;
}

static bool is_first(const struct mutex *m, const struct wait_entry *entry)
{
	return list_first_entry(&m->waiters, struct wait_entry, link) == entry;
}

/* Off the list, and what was asked for with it. */
static void leave(struct mutex *m, struct wait_entry *entry)
{
	unsigned long gone = is_first(m, entry) ? MUTEX_HANDOFF : 0;

	list_del(&entry->link);
	if (list_empty(&m->waiters))
		gone |= MUTEX_WAITERS;
	if (gone)
		__atomic_fetch_and(&m->holder, ~gone, __ATOMIC_RELAXED);
}

/* Sleeps until it has the mutex: 0; or until a signal ends a sleep of this state: -EINTR. */
static int wait_for(struct mutex *m, enum thread_state state)
{
	u64 patience = hv_time() + hv_timebase_hz() / 1000 * MUTEX_PATIENCE_MS;
	struct wait_entry entry = { .thread = current };
	int err = 0;

	BUG_ON(mutex_is_mine(m));
	spin_lock(&m->lock);
	list_init(&entry.link);
	list_add_tail(&entry.link, &m->waiters);
	/* The same word as the unlocker's: he sees that we wait, or we that he is gone. */
	__atomic_fetch_or(&m->holder, MUTEX_WAITERS, __ATOMIC_RELAXED);
	for (;;) {
		bool first = is_first(m, &entry);

		/* Under `lock`, which the waker holds: he finds us asleep, or we find it free. */
		__atomic_store_n(&current->state, state, __ATOMIC_SEQ_CST);
		if (mutex_is_mine(m) || take(m, first))
			break;
		if (thread_sleep_ends(current, state)) {
			err = -EINTR;
			break;
		}
		if (first && hv_time() >= patience)
			__atomic_fetch_or(&m->holder, MUTEX_HANDOFF, __ATOMIC_RELAXED);
		spin_unlock(&m->lock);
		schedule();
		spin_lock(&m->lock);
	}
	__atomic_store_n(&current->state, THREAD_RUNNING, __ATOMIC_SEQ_CST);
	leave(m, &entry);
	spin_unlock(&m->lock);
	return err;
}

void mutex_lock(struct mutex *m)
{
	if (!mutex_trylock(m))
		wait_for(m, THREAD_SLEEPING);
}

int mutex_lock_interruptible(struct mutex *m)
{
	return mutex_trylock(m) ? 0 : wait_for(m, THREAD_INTERRUPTIBLE);
}

int mutex_lock_killable(struct mutex *m)
{
	return mutex_trylock(m) ? 0 : wait_for(m, THREAD_KILLABLE);
}

/* Nobody has it, but for those who have come since: the next in line is told, or given it. */
static void pass_on(struct mutex *m)
{
	struct thread *next;
	unsigned long word;

	spin_lock(&m->lock);
	word = __atomic_load_n(&m->holder, __ATOMIC_RELAXED);
	if (word & MUTEX_WAITERS) {
		next = list_first_entry(&m->waiters, struct wait_entry, link)->thread;
		/* Whoever had it in between has left its stores behind that word: acquire. */
		if ((word & MUTEX_BITS) == MUTEX_BITS && !(word & ~MUTEX_BITS))
			__atomic_fetch_xor(&m->holder, MUTEX_HANDOFF | (unsigned long)next,
					   __ATOMIC_ACQ_REL);
		thread_wake(next);
	}
	spin_unlock(&m->lock);
}

void mutex_unlock(struct mutex *m)
{
	unsigned long self = (unsigned long)current;

	/* Behind this the mutex may be gone, if nobody waits: another may free what it is in. */
	if (__atomic_fetch_xor(&m->holder, self, __ATOMIC_RELEASE) != self)
		pass_on(m);
}
