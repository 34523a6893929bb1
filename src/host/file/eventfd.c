// SPDX-License-Identifier: MIT
/*
 * eventfd.c - eventfd2(), and the core's view of an eventfd (irqfd, ioeventfd).
 *
 * The counter is in struct hv_event, to which the file and the core hold references. When the file
 * is released, the event's watchers are called with `closed` set. Lock: event->lock, which may be
 * taken in any context. Watchers run under it, so they must not call hv_event_*().
 */
#include <linux/errno.h>
#include <linux/eventfd.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include "file.h"
#include "hv/host.h"
#include "mm/page.h"
#include "poll.h"
#include "proc/syscall.h"
#include "mm/uaccess.h"

#define COUNT_MAX (~0ULL - 1)

struct hv_event {
	u32 refs;
	bool semaphore;
	bool closed; /* its last descriptor; the core may still hold a reference */
	struct spinlock lock;
	u64 count;
	struct waitq wait;
	struct list_head watches;
};

static void event_put(struct hv_event *event)
{
	if (!__atomic_sub_fetch(&event->refs, 1, __ATOMIC_ACQ_REL))
		kfree(event);
}

static bool event_has_room(struct hv_event *event, u64 count)
{
	return count <= COUNT_MAX - READ_ONCE(event->count);
}

/* Return what read() returns: 0 if there is nothing to read. The lock is held. */
static u64 event_take(struct hv_event *event)
{
	u64 count = event->semaphore && event->count ? 1 : event->count;

	WRITE_ONCE(event->count, event->count - count);
	return count;
}

/* Out of line, so that an event without watches does not pay for the loop. The lock is held. */
static __attribute__((noinline)) void offer_to_watches(struct hv_event *event)
{
	struct hv_event_watch *w, *next;
	bool taken = false;

	list_for_each_entry_safe(w, next, &event->watches, link)
		taken |= w->fn(w, false);
	if (taken)
		event_take(event);
}

/*
 * Add count to the counter. If there is no room for all of it, add what fits if `fill` is set;
 * otherwise, add nothing and return false.
 */
static bool event_add(struct hv_event *event, u64 count, bool fill)
{
	bool room;

	spin_lock(&event->lock);
	room = event_has_room(event, count);
	if (!room && !fill) {
		spin_unlock(&event->lock);
		return false;
	}
	WRITE_ONCE(event->count, room ? event->count + count : COUNT_MAX);
	if (!list_empty(&event->watches))
		offer_to_watches(event);
	spin_unlock(&event->lock);
	waitq_wake_all(&event->wait);
	return true;
}

static u64 event_try_read(struct hv_event *event)
{
	u64 count;

	spin_lock(&event->lock);
	count = event_take(event);
	spin_unlock(&event->lock);
	if (count)
		waitq_wake_all(&event->wait); /* wake writers that found too little room */
	return count;
}

static long event_read(struct file *f, unsigned long buf, size_t size, u64 *pos)
{
	struct hv_event *event = f->priv;
	u64 count;
	int err;

	(void)pos;
	if (size < sizeof(count))
		return -EINVAL;
	while (!(count = event_try_read(event))) {
		if (f->flags & O_NONBLOCK)
			return -EAGAIN;
		err = wait_event_interruptible(&event->wait, READ_ONCE(event->count));
		if (err)
			return err;
	}
	return put_user(count, buf) ? -EFAULT : (long)sizeof(count);
}

static long event_write(struct file *f, unsigned long buf, size_t size, u64 *pos)
{
	struct hv_event *event = f->priv;
	u64 count;
	int err;

	(void)pos;
	if (size < sizeof(count))
		return -EINVAL;
	if (get_user(count, buf))
		return -EFAULT;
	if (count == ~0ULL)
		return -EINVAL;
	/*
	 * event_add() checks again, under the lock: if two writers have seen the same room, one of
	 * them may have to wait.
	 */
	while (count && !event_add(event, count, false)) {
		if (f->flags & O_NONBLOCK)
			return -EAGAIN;
		err = wait_event_interruptible(&event->wait, event_has_room(event, count));
		if (err)
			return err;
	}
	return sizeof(count);
}

static unsigned int event_poll(struct file *f, struct poll_table *table)
{
	struct hv_event *event = f->priv;
	u64 count;

	poll_wait(table, &event->wait);
	count = READ_ONCE(event->count);
	return (count ? EPOLLIN | EPOLLRDNORM : 0) |
	       (count < COUNT_MAX ? EPOLLOUT | EPOLLWRNORM : 0);
}

static void event_release(struct file *f)
{
	struct hv_event *event = f->priv;
	struct hv_event_watch *w, *next;

	spin_lock(&event->lock);
	event->closed = true;
	list_for_each_entry_safe(w, next, &event->watches, link) {
		list_del(&w->link);
		w->fn(w, true);
	}
	spin_unlock(&event->lock);
	event_put(event);
}

static const struct file_ops event_ops = {
	.read = event_read,
	.write = event_write,
	.poll = event_poll,
	.release = event_release,
};

long sys_eventfd2(struct trap_frame *frame)
{
	unsigned int flags = (unsigned int)frame->a1;
	struct hv_event *event;
	struct file *f;

	if (flags & ~(EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE))
		return -EINVAL;
	event = kmalloc(sizeof(*event));
	f = event ? file_alloc(&event_ops, event, O_RDWR | (flags & O_NONBLOCK)) : NULL;
	if (!f) {
		kfree(event);
		return -ENOMEM;
	}
	event->refs = 1;
	event->semaphore = flags & EFD_SEMAPHORE;
	event->count = (unsigned int)frame->a0;
	waitq_init(&event->wait);
	list_init(&event->watches);
	f->anon_name = "anon_inode:[eventfd]";
	return fd_install_new(f, flags & EFD_CLOEXEC);
}

/* ---- for the core ---------------------------------------------------------------------------- */

int hv_event_get(int fd, struct hv_event **event)
{
	struct file *f = fd_get(fd);
	int err = -EINVAL;

	if (!f)
		return -EBADF;
	if (f->ops == &event_ops) {
		*event = f->priv;
		__atomic_fetch_add(&(*event)->refs, 1, __ATOMIC_RELAXED);
		err = 0;
	}
	file_put(f);
	return err;
}

void hv_event_put(struct hv_event *event)
{
	event_put(event);
}

void hv_event_signal(struct hv_event *event, u64 count)
{
	event_add(event, count, true); /* a signal from the kernel never waits */
}

int hv_event_watch(struct hv_event *event, struct hv_event_watch *watch)
{
	int ret = -EBUSY;

	spin_lock(&event->lock);
	if (event->closed) {
		ret = -EBADF;
	} else if (list_empty(&event->watches)) {
		list_add_tail(&watch->link, &event->watches);
		ret = event->count != 0;
	}
	spin_unlock(&event->lock);
	return ret;
}

void hv_event_unwatch(struct hv_event *event, struct hv_event_watch *watch)
{
	u64 count = 0;

	spin_lock(&event->lock);
	if (list_is_linked(&watch->link)) {
		list_del(&watch->link);
		count = event_take(event);
	}
	spin_unlock(&event->lock);
	if (count)
		waitq_wake_all(&event->wait);
}
