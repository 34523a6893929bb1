// SPDX-License-Identifier: MIT
/*
 * wait.c - wait queues.
 *
 * Locks: the queue's own lock; a waker takes an rq_lock within it.
 */
#include "wait.h"
#include <asm-generic/errno.h>
#include "clock.h"
#include "lib/printk.h"
#include "thread.h"

void waitq_init(struct waitq *wq)
{
	wq->lock = (struct spinlock){ 0 };
	list_init(&wq->entries);
}

static void wake_thread(struct wait_entry *entry)
{
	thread_wake(entry->thread);
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

void waitq_wake_entries(struct waitq *wq)
{
	struct wait_entry *entry, *next;

	spin_lock(&wq->lock);
	list_for_each_entry_safe(entry, next, &wq->entries, link)
		entry->fn(entry);
	spin_unlock(&wq->lock);
}

void waitq_wake_one(struct waitq *wq)
{
	struct wait_entry *entry, *next;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	spin_lock(&wq->lock);
	list_for_each_entry_safe(entry, next, &wq->entries, link) {
		if (entry->fn != wake_thread) {
			entry->fn(entry);
		} else if (thread_wake(entry->thread)) {
			/* Remove the entry, so that the next wake-up goes to another thread. */
			list_del(&entry->link);
			break;
		}
	}
	spin_unlock(&wq->lock);
}

void wait_prepare(struct waitq *wq, struct wait_entry *entry, enum thread_state state)
{
	entry->thread = current;
	if (!entry->fn) {
		list_init(&entry->link);
		entry->fn = wake_thread;
	}
	spin_lock(&wq->lock);
	if (!list_is_linked(&entry->link))
		list_add_tail(&entry->link, &wq->entries);
	spin_unlock(&wq->lock);
	__atomic_store_n(&current->state, state, __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

struct sleep_timer {
	struct hv_timer timer;
	struct thread *thread;
};

static void sleep_timeout(struct hv_timer *timer)
{
	thread_wake(container_of(timer, struct sleep_timer, timer)->thread);
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
