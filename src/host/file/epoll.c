// SPDX-License-Identifier: MIT
/*
 * epoll.c - epoll_create1(), epoll_ctl(), epoll_pwait().
 *
 * An item watches one pair of file and descriptor. A wake-up of one of the file's queues puts the
 * item on the instance's ready list; epoll_wait() takes it off and polls the file to see whether it
 * is ready. Level-triggered items go back on the list once reported, edge-triggered ones wait for
 * the next wake-up, and one-shot ones wait for EPOLL_CTL_MOD.
 *
 * Locks: watch_mutex (sleeping, one for all instances) guards which items exist. It is held while
 * files are polled, so it comes before every file's own locks. ep->lock (spin) guards the ready
 * list. A waker holds the lock of a file's queue while it takes ep->lock and, after releasing
 * ep->lock, the lock of ep->wait, which an outer epoll may watch as a queue. Only one level of
 * nesting is allowed, because the order of these locks could otherwise become a cycle (ELOOP; Linux
 * allows four more).
 *
 * A program chooses the number of items. So loops over items take interrupts, and no operation costs
 * the product of two numbers of items: the paths of a wake-up are limited (epoll_paths.c), and
 * polling an epoll looks only at items on the ready list, and takes those off that are not ready.
 */
#include <linux/errno.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include <linux/time_types.h>
#include "sched/clock.h"
#include "epoll.h"
#include "file.h"
#include "hv/bits.h"
#include "mm/page.h"
#include "poll.h"
#include "lib/printk.h"
#include "proc/process.h"
#include "proc/signal.h"
#include "proc/syscall.h"
#include "mm/uaccess.h"

#define EP_PRIVATE (EPOLLWAKEUP | EPOLLONESHOT | EPOLLET | EPOLLEXCLUSIVE)
#define INLINE     static inline __attribute__((always_inline)) /* epoll_wait() is a hot path */

static struct mutex watch_mutex;

void epoll_init(void)
{
	mutex_init(&watch_mutex);
}

/* ---- items; watch_mutex is held, except by wakers -------------------------------------------- */

static void item_mark_ready(struct ep_item *item, struct hv_kicks *kicks)
{
	struct epoll *ep = item->ep;

	spin_lock(&ep->lock);
	if (!list_is_linked(&item->ready_link))
		list_add_tail(&item->ready_link, &ep->ready);
	spin_unlock(&ep->lock);
	waitq_wake_gather(&ep->wait, kicks);
}

/*
 * Put the item on the ready list, unless it is disabled. Called by the waker, under the queue's
 * lock.
 */
static void item_woken(struct wait_entry *wait, struct hv_kicks *kicks)
{
	struct ep_item *item = container_of(wait, struct ep_entry, wait)->item;

	if (!READ_ONCE(item->disabled))
		item_mark_ready(item, kicks);
}

static void item_enter(struct poll_table *table, struct waitq *wq)
{
	struct ep_item *item = container_of(table, struct ep_item, table);
	struct ep_entry *e;

	BUG_ON(item->nr_entries == EP_QUEUES);
	e = &item->entries[item->nr_entries++];
	e->item = item;
	e->wq = wq;
	e->wait.fn = item_woken;
	waitq_add(wq, &e->wait);
}

static unsigned int item_events(struct ep_item *item, struct poll_table *table)
{
	return file_poll(item->f, table) & (item->event.events | EPOLLERR | EPOLLHUP) & ~EP_PRIVATE;
}

/* Most files have fewer watches than an epoll has items. */
static struct ep_item *item_find(struct epoll *ep, struct file *f, int fd)
{
	struct ep_item *item;
	unsigned int count = 0;

	list_for_each_entry(item, &f->watches, file_link) {
		if (item->ep == ep && item->fd == fd)
			return item;
		epoll_item_visited(&count);
	}
	return NULL;
}

static const struct file_ops epoll_ops;

static void item_leave_queues(struct ep_item *item)
{
	while (item->nr_entries) {
		struct ep_entry *e = &item->entries[--item->nr_entries];

		waitq_remove(e->wq, &e->wait);
	}
}

static void item_free(struct ep_item *item)
{
	struct epoll *ep = item->ep;

	item_leave_queues(item);
	spin_lock(&ep->lock);
	list_del(&item->ready_link);
	spin_unlock(&ep->lock);
	list_del(&item->link);
	list_del(&item->file_link);
	if (item->f->ops == &epoll_ops)
		((struct epoll *)item->f->priv)->nested--;
	kfree(item);
}

void epoll_forget_file(struct file *f)
{
	struct ep_item *item, *next;
	unsigned int count = 0;

	/* Not list_empty(): close() of an epoll may still be writing to the list's head. */
	if (!READ_ONCE(f->watched))
		return;
	mutex_lock(&watch_mutex);
	list_for_each_entry_safe(item, next, &f->watches, file_link) {
		item_free(item);
		epoll_item_visited(&count);
	}
	mutex_unlock(&watch_mutex);
}

void epoll_queues_changed(struct file *f)
{
	struct ep_item *item;
	unsigned int count = 0;

	mutex_lock(&watch_mutex);
	list_for_each_entry(item, &f->watches, file_link) {
		epoll_item_visited(&count);
		item_leave_queues(item);
		/* EPOLLOUT is not a new event here: an unconnected socket already reports it. */
		if (item_events(item, &item->table) & ~(EPOLLOUT | EPOLLWRNORM))
			item_mark_ready(item, NULL);
	}
	mutex_unlock(&watch_mutex);
}

static int item_add(struct epoll *ep, struct file *f, int fd, const struct epoll_event *event)
{
	struct ep_item *item = kmalloc(sizeof(*item));

	if (!item)
		return -ENOMEM;
	if (f->ops == &epoll_ops) {
		ep->holds_epoll = true;
		((struct epoll *)f->priv)->nested++;
	}
	item->ep = ep;
	item->f = f;
	item->fd = fd;
	item->event = *event;
	item->table.enter = item_enter;
	list_init(&item->ready_link);
	list_add_tail(&item->link, &ep->items);
	list_add_tail(&item->file_link, &f->watches);
	WRITE_ONCE(f->watched, true); /* whoever drops the last reference has seen it: file_put() */
	if (item_events(item, &item->table))
		item_mark_ready(item, NULL);
	return 0;
}

static void item_change(struct ep_item *item, const struct epoll_event *event)
{
	item->event = *event;
	WRITE_ONCE(item->disabled, false);
	__atomic_thread_fence(__ATOMIC_SEQ_CST); /* item_woken() sees it, or we see the change */
	if (item_events(item, NULL))
		item_mark_ready(item, NULL);
}

/* ---- reporting ------------------------------------------------------------------------------- */

INLINE struct ep_item *take_ready(struct epoll *ep)
{
	struct ep_item *item = NULL;

	spin_lock(&ep->lock);
	if (!list_empty(&ep->ready)) {
		item = list_entry(ep->ready.next, struct ep_item, ready_link);
		list_del(&item->ready_link);
	}
	spin_unlock(&ep->lock);
	return item;
}

/*
 * Return the last item that is ready now, or NULL. Items that wakers add later are left for the next
 * call, because they could be added as fast as they are taken.
 */
INLINE struct ep_item *begin_collecting(struct epoll *ep)
{
	struct ep_item *last = NULL;

	spin_lock(&ep->lock);
	ep->collecting = true;
	if (!list_empty(&ep->ready))
		last = list_entry(ep->ready.prev, struct ep_item, ready_link);
	spin_unlock(&ep->lock);
	return last;
}

/*
 * Whether it is worth looking for ready items. While another thread collects events, the items that
 * it will put back are not on the list: true, and taking watch_mutex then waits for that thread.
 */
static bool may_be_ready(struct epoll *ep)
{
	bool ready;

	spin_lock(&ep->lock);
	ready = ep->collecting || !list_empty(&ep->ready);
	spin_unlock(&ep->lock);
	return ready;
}

/* Collect at most `max` events. Reported level-triggered items go to the end of the list. */
static int collect(struct epoll *ep, struct epoll_event *out, int max)
{
	struct list_head again = LIST_HEAD_INIT(again);
	struct ep_item *item = NULL, *last;
	unsigned int events, count = 0;
	int n = 0;

	mutex_lock(&watch_mutex);
	last = begin_collecting(ep);
	while (n < max && item != last && !READ_ONCE(current->sig.kill) &&
	       (item = take_ready(ep))) {
		epoll_item_visited(&count);
		events = item->disabled ? 0 : item_events(item, NULL);
		if (!events)
			continue;
		out[n].events = events;
		out[n++].data = item->event.data;
		if (item->event.events & EPOLLONESHOT) {
			WRITE_ONCE(item->disabled, true);
		} else if (!(item->event.events & EPOLLET)) {
			spin_lock(&ep->lock);
			/* A waker may have put the item back already. */
			if (!list_is_linked(&item->ready_link))
				list_add_tail(&item->ready_link, &again);
			spin_unlock(&ep->lock);
		}
	}
	spin_lock(&ep->lock);
	while (!list_empty(&again)) {
		struct list_head *link = again.next;

		list_del(link);
		list_add_tail(link, &ep->ready);
	}
	ep->collecting = false;
	spin_unlock(&ep->lock);
	mutex_unlock(&watch_mutex);
	return n;
}

static int wait_and_collect(struct epoll *ep, struct epoll_event *out, int max, u64 deadline)
{
	int n, err = 0;

	for (;;) {
		n = collect(ep, out, max);
		if (n || err)
			break;
		if (READ_ONCE(current->sig.kill))
			return -EINTR;
		err = wait_event_deadline(&ep->wait, may_be_ready(ep), deadline);
		if (err == -EINTR)
			break;
		if (!err)
			irq_window(); /* wakers may go on adding items that are not ready */
	}
	return n ? n : err == -ETIME ? 0 : err;
}

/* Find an item that is ready, and leave it at the head of the list. Holds watch_mutex. */
static bool find_ready(struct epoll *ep)
{
	struct ep_item *item = NULL, *last = begin_collecting(ep);
	unsigned int count = 0;
	bool ready = false;

	/* Take the item off the list before polling it: an event after the poll adds it again. */
	while (!ready && item != last && (item = take_ready(ep))) {
		epoll_item_visited(&count);
		ready = READ_ONCE(current->sig.kill) ||
			(!item->disabled && item_events(item, NULL));
	}
	spin_lock(&ep->lock);
	if (ready && !list_is_linked(&item->ready_link))
		list_add(&item->ready_link, &ep->ready);
	ep->collecting = false;
	spin_unlock(&ep->lock);
	return ready;
}

static unsigned int epoll_poll(struct file *f, struct poll_table *table)
{
	struct epoll *ep = f->priv;
	bool held = mutex_is_mine(&watch_mutex); /* called for an epoll that watches this one */
	bool ready;

	poll_wait(table, &ep->wait);
	if (!may_be_ready(ep))
		return 0;
	if (!held)
		mutex_lock(&watch_mutex);
	ready = find_ready(ep);
	if (!held)
		mutex_unlock(&watch_mutex);
	return ready ? EPOLLIN | EPOLLRDNORM : 0;
}

static void epoll_release(struct file *f)
{
	struct epoll *ep = f->priv;
	struct ep_item *item, *next;
	unsigned int count = 0;

	mutex_lock(&watch_mutex);
	list_for_each_entry_safe(item, next, &ep->items, link) {
		item_free(item);
		epoll_item_visited(&count);
	}
	mutex_unlock(&watch_mutex);
	kfree(ep);
}

static const struct file_ops epoll_ops = {
	.poll = epoll_poll,
	.release = epoll_release,
};

/* ---- system calls ---------------------------------------------------------------------------- */

long sys_epoll_create1(struct trap_frame *frame)
{
	unsigned int flags = (unsigned int)frame->a0;
	struct epoll *ep;
	struct file *f;

	if (flags & ~EPOLL_CLOEXEC)
		return -EINVAL;
	ep = kmalloc(sizeof(*ep));
	f = ep ? file_alloc(&epoll_ops, ep, O_RDWR) : NULL;
	if (!f) {
		kfree(ep);
		return -ENOMEM;
	}
	list_init(&ep->items);
	list_init(&ep->ready);
	waitq_init(&ep->wait);
	f->anon_name = "anon_inode:[eventpoll]";
	return fd_install_new(f, flags & EPOLL_CLOEXEC);
}

static int control(struct epoll *ep, int op, struct file *f, int fd,
		   const struct epoll_event *event)
{
	struct epoll *inner = f->ops == &epoll_ops ? f->priv : NULL;
	struct ep_item *item = item_find(ep, f, fd);
	int err;

	switch (op) {
	case EPOLL_CTL_ADD:
		if (item)
			return -EEXIST;
		err = epoll_check_nesting(ep, f, inner);
		return err ? err : item_add(ep, f, fd, event);
	case EPOLL_CTL_MOD:
		if (!item)
			return -ENOENT;
		item_change(item, event);
		return 0;
	case EPOLL_CTL_DEL:
		if (!item)
			return -ENOENT;
		item_free(item);
		return 0;
	default:
		return -EINVAL;
	}
}

long sys_epoll_ctl(struct trap_frame *frame)
{
	int op = (int)frame->a1, fd = (int)frame->a2;
	struct file *epf, *f;
	struct epoll_event event = { 0 };
	long ret = -EBADF;

	if (op != EPOLL_CTL_DEL && get_user(event, frame->a3))
		return -EFAULT;
	epf = fd_get((int)frame->a0);
	f = fd_get(fd);
	if (epf && f) {
		if (epf->ops != &epoll_ops || f == epf) {
			ret = -EINVAL;
		} else if (!f->ops->poll) {
			ret = -EPERM; /* such as a regular file: it is always ready */
		} else {
			mutex_lock(&watch_mutex);
			ret = control(epf->priv, op, f, fd, &event);
			mutex_unlock(&watch_mutex);
		}
	}
	file_put(f);
	file_put(epf);
	return ret;
}

static long do_epoll_wait(struct trap_frame *frame, u64 deadline)
{
	int max = (int)frame->a2;
	struct epoll_event *events;
	struct file *f;
	long n;

	if (max <= 0 || max > (int)(UINT32_MAX / 2 / sizeof(*events)))
		return -EINVAL;
	f = fd_get((int)frame->a0);
	if (!f)
		return -EBADF;
	max = MIN(max, 1024); /* a caller that wants more events can call again */
	events = kmalloc((size_t)max * sizeof(*events));
	if (f->ops != &epoll_ops)
		n = -EINVAL;
	else if (!events)
		n = -ENOMEM;
	else
		n = wait_and_collect(f->priv, events, max, deadline);
	if (n > 0 && copy_to_user(frame->a1, events, (size_t)n * sizeof(*events)))
		n = -EFAULT;
	kfree(events);
	file_put(f);
	return n;
}

static long masked_wait(struct trap_frame *frame, u64 deadline)
{
	long ret = signal_mask_set_user(frame->a4, frame->a5);

	if (ret)
		return ret;
	ret = do_epoll_wait(frame, deadline);
	if (ret != -EINTR)
		signal_mask_restore();
	return ret;
}

long sys_epoll_pwait(struct trap_frame *frame)
{
	int ms = (int)frame->a3;
	u64 deadline = WAIT_FOREVER;

	if (ms >= 0)
		deadline = hv_time() + ns_to_ticks((u64)ms * 1000000ULL);
	return masked_wait(frame, deadline);
}

long sys_epoll_pwait2(struct trap_frame *frame)
{
	struct __kernel_timespec t;
	u64 deadline = WAIT_FOREVER;

	if (frame->a3) {
		if (get_user(t, frame->a3))
			return -EFAULT;
		if (t.tv_sec < 0 || t.tv_nsec < 0 || t.tv_nsec >= 1000000000)
			return -EINVAL;
		if (t.tv_sec < 0x10000000)
			deadline = hv_time() +
				   ns_to_ticks((u64)t.tv_sec * 1000000000ULL + (u64)t.tv_nsec);
	}
	return masked_wait(frame, deadline);
}
