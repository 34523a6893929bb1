// SPDX-License-Identifier: MIT
/*
 * wait.c - wait queues.
 *
 * Locks: the queue's own lock; a waker takes an rq_lock within it. Harts are interrupted with neither
 * held.
 */
#include "wait.h"
#include <asm-generic/errno.h>
#include "clock.h"
#include "hv/host.h"
#include "thread.h"

void waitq_init(struct waitq *wq)
{
	wq->lock = (struct spinlock){ 0 };
	list_init(&wq->entries);
}

static void wake_thread(struct wait_entry *entry, struct hv_kicks *kicks)
{
	thread_wake(entry->thread, kicks);
}

void waitq_add(struct waitq *wq, struct wait_entry *entry)
{
	if (!entry->fn)
		entry->fn = wake_thread;
	spin_lock(&wq->lock);
	list_add_tail(&entry->link, &wq->entries);
	spin_unlock(&wq->lock);
}

void waitq_remove(struct waitq *wq, struct wait_entry *entry)
{
	spin_lock(&wq->lock);
	list_del(&entry->link);
	spin_unlock(&wq->lock);
}

/* Once the lock is released, the queue may no longer exist: a woken thread may have freed it. */
void waitq_wake_entries(struct waitq *wq, struct hv_kicks *kicks)
{
	struct wait_entry *entry;
	struct hv_kicks own;

	own.count = 0;
	spin_lock(&wq->lock);
	list_for_each_entry(entry, &wq->entries, link)
		entry->fn(entry, kicks ? kicks : &own);
	spin_unlock(&wq->lock);
	hv_kicks_send(&own);
}

void wait_prepare(struct waitq *wq, struct wait_entry *entry, enum thread_state state)
{
	if (!entry->fn) { /* the first call: the entry then stays in the queue until wait_finish() */
		entry->thread = current;
		waitq_add(wq, entry);
	}
	WRITE_ONCE(current->state, state);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

struct sleep_timer {
	struct hv_timer timer;
	struct thread *thread;
};

static void sleep_timeout(struct hv_timer *timer)
{
	thread_wake(container_of(timer, struct sleep_timer, timer)->thread, NULL);
}

int wait_sleep(enum thread_state state, u64 deadline)
{
	struct sleep_timer st = { .thread = current };

	if (thread_sleep_ends(current, state))
		return -EINTR;
	if (deadline == WAIT_FOREVER) {
		schedule();
		return 0;
	}
	if (hv_time() >= deadline)
		return -ETIME;
	hv_timer_init(&st.timer, sleep_timeout);
	hv_timer_start(&st.timer, deadline);
	schedule();
	hv_timer_cancel(&st.timer);
	return 0;
}

void wait_finish(struct waitq *wq, struct wait_entry *entry)
{
	__atomic_store_n(&current->state, THREAD_RUNNING, __ATOMIC_SEQ_CST);
	spin_lock(&wq->lock);
	list_del(&entry->link);
	spin_unlock(&wq->lock);
}
