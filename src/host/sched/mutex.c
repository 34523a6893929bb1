// SPDX-License-Identifier: MIT
/*
 * mutex.c - sleeping locks.
 *
 * A thread may take a free mutex even while other threads wait for it. Always handing the mutex to
 * a waiter would leave it idle until that thread runs, and would make threads queue up at every
 * busy lock. But a thread that is woken when the mutex is free could be too late each time and wait
 * forever, while other threads keep taking the mutex. So when the first waiter has waited for
 * MUTEX_PATIENCE_MS, it sets HANDOFF: from then on, no other thread takes the mutex, and unlocking
 * makes that waiter the holder.
 *
 * The bits WAITERS and HANDOFF are in the same word as the holder's address, so that without
 * waiters, locking and unlocking are a single atomic operation each: locking replaces 0 with
 * `current`, unlocking removes `current`, and the remaining bits say whether a thread waits.
 *
 * Invariant: WAITERS is set while the list is not empty. HANDOFF is set only together with WAITERS,
 * by and for the first waiter. Both bits change under `lock`. While HANDOFF is set and there is no
 * holder, the word is written only under `lock`, by the first waiter or, on its behalf, by the
 * unlocking thread. Locks: a waker takes an rq_lock within m->lock.
 */
#include <asm-generic/errno.h>
#include "hv/host.h"
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

/* Take the mutex if it is free. While HANDOFF is set, only the first waiter may take it. */
static bool take(struct mutex *m, bool is_first)
{
	unsigned long word = __atomic_load_n(&m->holder, __ATOMIC_RELAXED);

	while (!(word & ~MUTEX_BITS) && (is_first || !(word & MUTEX_HANDOFF)))
		if (__atomic_compare_exchange_n(&m->holder, &word, word | (unsigned long)current,
						false, __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE))
			return true;
	return false;
}

/* If the mutex is free and has no waiters, take it with a single exchange. */
static bool take_unwanted(struct mutex *m)
{
	unsigned long nobody = 0;

	return __atomic_compare_exchange_n(&m->holder, &nobody, (unsigned long)current, false,
					   __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE);
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

/*
 * Leave the list. The first waiter clears HANDOFF; a waiter that leaves the list empty clears
 * WAITERS.
 */
static void leave(struct mutex *m, struct wait_entry *entry)
{
	unsigned long gone = is_first(m, entry) ? MUTEX_HANDOFF : 0;

	list_del(&entry->link);
	if (list_empty(&m->waiters))
		gone |= MUTEX_WAITERS;
	if (gone)
		__atomic_fetch_and(&m->holder, ~gone, __ATOMIC_RELAXED);
}

/*
 * Sleep in `state` until this thread holds the mutex, and return 0. If a signal ends the sleep
 * first, return -EINTR.
 */
static int wait_for(struct mutex *m, enum thread_state state)
{
	u64 patience = hv_time() + hv_timebase_hz() / 1000 * MUTEX_PATIENCE_MS;
	struct wait_entry entry = { .thread = current };
	int err = 0;

	BUG_ON(mutex_is_mine(m));
	spin_lock(&m->lock);
	list_init(&entry.link);
	list_add_tail(&entry.link, &m->waiters);
	/*
	 * Set WAITERS in the word that unlocking changes: either the holder sees it, or we find m
	 * free.
	 */
	__atomic_fetch_or(&m->holder, MUTEX_WAITERS, __ATOMIC_RELAXED);
	for (;;) {
		bool first = is_first(m, &entry);

		/*
		 * Either the waker, which holds `lock`, sees this state, or we find the mutex free.
		 * And either thread_signal_kick() sees the state, or we find the signal.
		 */
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

/*
 * The mutex was released; another thread may have taken it since. Wake the first waiter. If this
 * waiter has set HANDOFF and the mutex is still free, make the waiter the holder.
 */
static void wake_first_waiter(struct mutex *m)
{
	struct hv_kicks kicks;
	struct thread *next;
	unsigned long word;

	kicks.count = 0;
	spin_lock(&m->lock);
	word = __atomic_load_n(&m->holder, __ATOMIC_RELAXED);
	if (word & MUTEX_WAITERS) {
		next = list_first_entry(&m->waiters, struct wait_entry, link)->thread;
		/*
		 * Acquire: threads that have held the mutex in the meantime released their stores
		 * through this word. `next` finds itself the holder under m->lock.
		 */
		if ((word & MUTEX_BITS) == MUTEX_BITS && !(word & ~MUTEX_BITS))
			__atomic_fetch_xor(&m->holder, MUTEX_HANDOFF | (unsigned long)next,
					   __ATOMIC_ACQUIRE);
		thread_wake(next, &kicks);
	}
	spin_unlock(&m->lock);
	hv_kicks_send(&kicks);
}

void mutex_unlock(struct mutex *m)
{
	unsigned long self = (unsigned long)current;

	/*
	 * If no thread waits, m is not accessed after this exchange: another thread may then free
	 * the mutex's memory.
	 */
	if (__atomic_fetch_xor(&m->holder, self, __ATOMIC_RELEASE) != self)
		wake_first_waiter(m);
}
