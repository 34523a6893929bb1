// SPDX-License-Identifier: MIT
/*
 * wait.h - wait queues (wait.c) and mutexes (mutex.c).
 *
 * A sleeper adds its entry, then checks its condition, then sleeps. A waker changes the condition,
 * then wakes. So no wake-up is lost. The harts of woken threads are interrupted once the queue's lock
 * is released: a thread that has woken up takes this lock to remove its entry.
 */
#ifndef HOST_WAIT_H
#define HOST_WAIT_H

#include "hv/list.h"
#include "hv/spinlock.h"
#include "hv/types.h"
#include "thread.h"

#define WAIT_FOREVER (~0ULL)

struct waitq {
	struct spinlock lock;
	struct list_head entries;
};

/*
 * The waker calls fn with the queue's lock held, and interrupts the harts in `kicks` later. The
 * default fn wakes `thread`.
 */
struct wait_entry {
	struct list_head link;
	struct thread *thread;
	void (*fn)(struct wait_entry *entry, struct hv_kicks *kicks);
};

void waitq_init(struct waitq *wq);
void waitq_add(struct waitq *wq,
	       struct wait_entry *entry); /* the caller sets entry->fn, or leaves it NULL */
void waitq_remove(struct waitq *wq, struct wait_entry *entry);
void waitq_wake_entries(struct waitq *wq, struct hv_kicks *kicks);

/*
 * Wake all entries. Usually there is none, so callers pay only for the check. If `kicks` is not
 * NULL, the interrupts of other harts are gathered in it, for a caller that wakes more threads or
 * holds a lock. The caller sends them (hv_kicks_send()).
 */
static inline void waitq_wake_gather(struct waitq *wq, struct hv_kicks *kicks)
{
	/* Pairs with wait_prepare(): we see the sleeper's entry, or it sees our caller's change. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (READ_ONCE(wq->entries.next) != &wq->entries)
		waitq_wake_entries(wq, kicks);
}

static inline void waitq_wake_all(struct waitq *wq)
{
	waitq_wake_gather(wq, NULL);
}

/*
 * Used by __wait_event(), which evaluates its deadline only once: callers pass expressions such as
 * hv_time() + period, and a timer that ends a sleep leads to another round.
 */
void wait_prepare(struct waitq *wq, struct wait_entry *entry, enum thread_state state);
int wait_sleep(enum thread_state state, u64 deadline); /* 0: woken; -EINTR; -ETIME */
void wait_finish(struct waitq *wq, struct wait_entry *entry);

#define __wait_event(wq, cond, state, deadline)                         \
	({                                                              \
		struct wait_entry __entry = { 0 };                      \
		_Static_assert((state) != THREAD_RUNNING, "it sleeps"); \
		u64 __until = (deadline);                               \
		int __err = 0;                                          \
		bool __is_over;                                         \
		for (;;) {                                              \
			wait_prepare((wq), &__entry, (state));          \
			__is_over = (cond);                             \
			if (__is_over || __err)                         \
				break;                                  \
			__err = wait_sleep((state), __until);           \
		}                                                       \
		wait_finish((wq), &__entry);                            \
		__is_over ? 0 : __err;                                  \
	})

/*
 * Sleep until cond is true. wait_event_interruptible() and wait_event_deadline() return -EINTR if a
 * signal is pending, wait_event_killable() only if the thread is killed. The deadline is in ticks
 * of hv_time(); once it has passed, wait_event_deadline() returns -ETIME.
 */
#define wait_event(wq, cond)          ((void)__wait_event(wq, cond, THREAD_SLEEPING, WAIT_FOREVER))
#define wait_event_killable(wq, cond) __wait_event(wq, cond, THREAD_KILLABLE, WAIT_FOREVER)
#define wait_event_interruptible(wq, cond) \
	__wait_event(wq, cond, THREAD_INTERRUPTIBLE, WAIT_FOREVER)
#define wait_event_deadline(wq, cond, deadline) \
	__wait_event(wq, cond, THREAD_INTERRUPTIBLE, deadline)

/*
 * A sleeping lock (mutex.c). Initialize it with mutex_init(), or statically with zeroes and
 * LIST_HEAD_INIT for `waiters`. A thread may take a free mutex even while others wait. But when the
 * first waiter has waited for MUTEX_PATIENCE_MS, the holder hands the mutex over to that waiter.
 */
struct mutex {
	struct spinlock lock; /* guards waiters and the MUTEX_* bits of `holder` */
	unsigned long holder; /* atomic: the struct thread's address or 0, and MUTEX_* (mutex.c) */
	struct list_head waiters; /* struct wait_entry, longest waiting first */
};

#define MUTEX_PATIENCE_MS 1

void mutex_init(struct mutex *m);
void mutex_lock(struct mutex *m);
int mutex_lock_interruptible(struct mutex *m); /* -EINTR: a signal is pending */
int mutex_lock_killable(struct mutex *m);      /* -EINTR: the thread is being killed */
bool mutex_trylock(struct mutex *m);
void mutex_unlock(struct mutex *m);
bool mutex_is_mine(const struct mutex *m);

#endif
