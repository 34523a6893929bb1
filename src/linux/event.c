// SPDX-License-Identifier: MIT
/*
 * event.c - eventfds: signal them, and watch them.
 *
 * There is one struct hv_event for each eventfd that the core holds, because the core compares
 * pointers. Its entry is in the eventfd's wait queue from the beginning: a signal that arrives
 * before hv_event_watch() must not be lost, and hv_event_watch() has no file to poll.
 *
 * Locks: the eventfd's wait queue's lock protects `watch`, `closed` and `pending`; events_lock protects
 * the table and the reference counts. Neither is taken under the other. get() has a mutex, so that no
 * eventfd gets two events.
 */
#include <linux/eventfd.h>
#include <linux/file.h>
#include <linux/hashtable.h>
#include <linux/kprobes.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include "linux.h"

struct hv_event {
	struct hlist_node link;
	unsigned int refs;
	struct eventfd_ctx *ctx;
	wait_queue_entry_t wait;
	wait_queue_head_t *queue; /* the eventfd's; lives as long as ctx */
	poll_table table;
	struct hv_event_watch *watch;
	bool closed;
	bool pending; /* readable at the last get(), or signaled since while there was no watch */
};

/* The events of all processes, of which one can have very many. */
static DEFINE_HASHTABLE(events, 12);
static DEFINE_RAW_SPINLOCK(events_lock);

/* Called under the queue's lock. */
static int signaled(wait_queue_entry_t *wait, unsigned int mode, int sync, void *key)
{
	struct hv_event *event = container_of(wait, struct hv_event, wait);
	struct hv_event_watch *watch = event->watch;
	__poll_t flags = key_to_poll(key);
	u64 count;

	if (flags & EPOLLIN) {
		if (!watch)
			event->pending = true;
		else if (watch->fn(watch, false))
			eventfd_ctx_do_read(event->ctx, &count);
	}
	if (flags & EPOLLHUP) {
		event->closed = true;
		event->watch = NULL;
		if (watch)
			watch->fn(watch, true);
	}
	return 0;
}

static void add_to_queue(struct file *file, wait_queue_head_t *queue, poll_table *table)
{
	struct hv_event *event = container_of(table, struct hv_event, table);

	event->queue = queue;
	add_wait_queue(queue, &event->wait);
}

static struct hv_event *find(const struct eventfd_ctx *ctx)
{
	struct hv_event *event;

	hash_for_each_possible(events, event, link, (unsigned long)ctx)
		if (event->ctx == ctx) {
			event->refs++;
			return event;
		}
	return NULL;
}

static void discard(struct hv_event *event)
{
	/* eventfd_ctx_remove_wait_queue() also reads the eventfd: user space would miss a signal. */
	if (event->queue)
		remove_wait_queue(event->queue, &event->wait);
	eventfd_ctx_put(event->ctx);
	kfree(event);
}

/*
 * Take over one reference to ctx. Called outside the core. An event is in its eventfd's queue before
 * it is in the table.
 */
static int get(struct file *file, struct eventfd_ctx *ctx, struct hv_event **eventp)
{
	static DEFINE_MUTEX(mutex);
	struct hv_event *event = kzalloc(sizeof(*event), GFP_KERNEL_ACCOUNT);
	struct hv_event *other;

	if (!event) {
		eventfd_ctx_put(ctx);
		return -ENOMEM;
	}
	event->refs = 1;
	event->ctx = ctx;
	init_waitqueue_func_entry(&event->wait, signaled);
	init_poll_funcptr(&event->table, add_to_queue);
	mutex_lock(&mutex);
	raw_spin_lock_irq(&events_lock);
	other = find(ctx);
	raw_spin_unlock_irq(&events_lock);
	if (other) {
		discard(event);
		/* User space may have read the signal since. vfs_poll() without a table takes no lock. */
		spin_lock_irq(&other->queue->lock);
		other->pending = vfs_poll(file, NULL) & EPOLLIN;
		spin_unlock_irq(&other->queue->lock);
	} else {
		if (vfs_poll(file, &event->table) & EPOLLIN)
			event->pending = true;
		raw_spin_lock_irq(&events_lock);
		hash_add(events, &event->link, (unsigned long)ctx);
		raw_spin_unlock_irq(&events_lock);
	}
	mutex_unlock(&mutex);
	*eventp = other ?: event;
	return 0;
}

int hv_event_get(int fd, struct hv_event **event)
{
	struct eventfd_ctx *ctx;
	struct file *file;
	int err;

	leave_core();
	file = fget(fd);
	err = file ? 0 : -EBADF;
	if (file) {
		ctx = eventfd_ctx_fileget(file);
		err = IS_ERR(ctx) ? PTR_ERR(ctx) : get(file, ctx, event);
		fput(file);
	}
	enter_core();
	return err;
}

void hv_event_put(struct hv_event *event)
{
	unsigned long flags;
	bool last;

	raw_spin_lock_irqsave(&events_lock, flags);
	last = !--event->refs;
	if (last)
		hash_del(&event->link);
	raw_spin_unlock_irqrestore(&events_lock, flags);
	if (last)
		discard(event);
}

void __kprobes hv_event_signal(struct hv_event *event, u64 count)
{
	const struct trap_csrs csrs = trap_csrs_save();

	while (count--)
		eventfd_signal(event->ctx);
	trap_csrs_restore(&csrs);
}

int hv_event_watch(struct hv_event *event, struct hv_event_watch *watch)
{
	unsigned long flags;
	int ret = -EBUSY;

	spin_lock_irqsave(&event->queue->lock, flags);
	if (event->closed) {
		ret = -EBADF;
	} else if (!event->watch) {
		event->watch = watch;
		ret = event->pending;
		event->pending = false;
	}
	spin_unlock_irqrestore(&event->queue->lock, flags);
	return ret;
}

void hv_event_unwatch(struct hv_event *event, struct hv_event_watch *watch)
{
	unsigned long flags;
	u64 count;

	spin_lock_irqsave(&event->queue->lock, flags);
	if (event->watch == watch) {
		event->watch = NULL;
		eventfd_ctx_do_read(event->ctx, &count);
		if (count)
			wake_up_locked_poll(event->queue, EPOLLOUT);
	}
	spin_unlock_irqrestore(&event->queue->lock, flags);
}
