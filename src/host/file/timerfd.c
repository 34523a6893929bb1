// SPDX-License-Identifier: MIT
/*
 * timerfd.c - timers as files.
 *
 * As on Linux, there is at most one timer interrupt per read: the interrupt wakes the readers, and
 * only the read that consumes the count rearms the timer. Expirations in between are computed from
 * the interval. So no interval is too short: interrupts are no more frequent than reads.
 *
 * Invariant: a timer that is set (next is not 0) and has nothing to read is armed for `next`.
 *
 * Lock: t->lock. It is also taken in interrupt context.
 */
#include <linux/errno.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include <linux/time.h>
#include <linux/timerfd.h>
#include "sched/clock.h"
#include "file.h"
#include "mm/page.h"
#include "poll.h"
#include "proc/syscall.h"
#include "mm/uaccess.h"

#define NSEC 1000000000ULL

struct timerfd {
	struct spinlock lock;
	struct hv_timer timer;
	struct waitq wait;
	bool realtime;
	u64 next;     /* monotonic ns of the next expiration; 0: disarmed */
	u64 interval; /* ns; 0: once */
	u64 count;    /* expirations not yet read; one word, which poll() reads without the lock */
};

/* Count the expirations up to now; t->lock is held. */
static void advance(struct timerfd *t)
{
	u64 now = clock_monotonic_ns(), n;

	if (!t->next || now < t->next)
		return;
	n = t->interval ? (now - t->next) / t->interval + 1 : 1;
	WRITE_ONCE(t->count, t->count + n);
	t->next = t->interval ? t->next + n * t->interval : 0;
}

static void timer_fired(struct hv_timer *timer)
{
	struct timerfd *t = container_of(timer, struct timerfd, timer);

	spin_lock(&t->lock);
	advance(t); /* counts nothing if the timer was set again meanwhile */
	spin_unlock(&t->lock);
	waitq_wake_all(&t->wait);
}

static u64 take_count(struct timerfd *t)
{
	u64 count;

	spin_lock(&t->lock);
	advance(t);
	count = t->count;
	WRITE_ONCE(t->count, 0);
	if (count && t->next)
		hv_timer_start(&t->timer, ns_to_ticks(t->next));
	spin_unlock(&t->lock);
	return count;
}

static long timerfd_read(struct file *f, unsigned long buf, size_t size, u64 *pos)
{
	struct timerfd *t = f->priv;
	u64 count;
	int err;

	(void)pos;
	if (size < sizeof(count))
		return -EINVAL;
	while (!(count = take_count(t))) {
		if (f->flags & O_NONBLOCK)
			return -EAGAIN;
		err = wait_event_interruptible(&t->wait, READ_ONCE(t->count));
		if (err)
			return err;
	}
	return put_user(count, buf) ? -EFAULT : (long)sizeof(count);
}

static unsigned int timerfd_poll(struct file *f, struct poll_table *table)
{
	struct timerfd *t = f->priv;

	poll_wait(table, &t->wait);
	return READ_ONCE(t->count) ? EPOLLIN | EPOLLRDNORM : 0;
}

static void timerfd_release(struct file *f)
{
	struct timerfd *t = f->priv;

	hv_timer_cancel(&t->timer); /* the last reference is gone: nothing can start it again */
	kfree(t);
}

static const struct file_ops timerfd_ops = {
	.read = timerfd_read,
	.poll = timerfd_poll,
	.release = timerfd_release,
};

long sys_timerfd_create(struct trap_frame *frame)
{
	int clock = (int)frame->a0, flags = (int)frame->a1;
	struct timerfd *t;
	struct file *f;

	if ((flags & ~(TFD_CLOEXEC | TFD_NONBLOCK)) ||
	    (clock != CLOCK_MONOTONIC && clock != CLOCK_REALTIME && clock != CLOCK_BOOTTIME))
		return -EINVAL;
	t = kmalloc(sizeof(*t));
	f = t ? file_alloc(&timerfd_ops, t, O_RDWR | (flags & O_NONBLOCK)) : NULL;
	if (!f) {
		kfree(t);
		return -ENOMEM;
	}
	t->realtime = clock == CLOCK_REALTIME;
	waitq_init(&t->wait);
	hv_timer_init(&t->timer, timer_fired);
	f->anon_name = "anon_inode:[timerfd]";
	return fd_install_new(f, flags & TFD_CLOEXEC);
}

static struct timerfd *timerfd_of(int fd, struct file **f, long *err)
{
	*f = fd_get(fd);
	*err = !*f ? -EBADF : (*f)->ops != &timerfd_ops ? -EINVAL : 0;
	return *err ? NULL : (*f)->priv;
}

static void get_setting(struct timerfd *t, struct itimerspec *its)
{
	u64 now, left;

	spin_lock(&t->lock);
	advance(t);
	now = clock_monotonic_ns();
	left = t->next > now ? t->next - now : 0;
	its->it_value.tv_sec = (long)(left / NSEC);
	its->it_value.tv_nsec = (long)(left % NSEC);
	its->it_interval.tv_sec = (long)(t->interval / NSEC);
	its->it_interval.tv_nsec = (long)(t->interval % NSEC);
	spin_unlock(&t->lock);
}

static bool valid(const struct timespec *ts)
{
	return ts->tv_sec >= 0 && ts->tv_nsec >= 0 && (u64)ts->tv_nsec < NSEC;
}

static u64 to_ns(const struct timespec *ts)
{
	u64 limit = INT64_MAX / NSEC - 1;

	return MIN((u64)ts->tv_sec, limit) * NSEC + (u64)ts->tv_nsec;
}

static void set(struct timerfd *t, const struct itimerspec *its, bool absolute)
{
	u64 value = to_ns(&its->it_value), next = 0, now = clock_monotonic_ns();

	if (value && absolute && t->realtime)
		next = value > boot_realtime_ns ? value - boot_realtime_ns : 1;
	else if (value)
		next = absolute ? value : now + value;
	spin_lock(&t->lock);
	WRITE_ONCE(t->count, 0);
	t->next = next;
	t->interval = value ? to_ns(&its->it_interval) : 0;
	/*
	 * If next is 0, the timer is not canceled here: it may fire once more, but then finds
	 * nothing to count.
	 */
	if (next)
		hv_timer_start(&t->timer, ns_to_ticks(next));
	spin_unlock(&t->lock);
}

long sys_timerfd_settime(struct trap_frame *frame)
{
	int flags = (int)frame->a1;
	struct itimerspec new, old;
	struct timerfd *t;
	struct file *f;
	long err;

	if (get_user(new, frame->a2))
		return -EFAULT;
	if ((flags & ~(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET)) || !valid(&new.it_value) ||
	    !valid(&new.it_interval))
		return -EINVAL;
	t = timerfd_of((int)frame->a0, &f, &err);
	if (!err) {
		get_setting(t, &old);
		set(t, &new, flags & TFD_TIMER_ABSTIME);
		if (frame->a3)
			err = copy_to_user(frame->a3, &old, sizeof(old));
	}
	file_put(f);
	return err;
}

long sys_timerfd_gettime(struct trap_frame *frame)
{
	struct itimerspec its;
	struct timerfd *t;
	struct file *f;
	long err;

	t = timerfd_of((int)frame->a0, &f, &err);
	if (!err) {
		get_setting(t, &its);
		err = copy_to_user(frame->a1, &its, sizeof(its));
	}
	file_put(f);
	return err;
}
