// SPDX-License-Identifier: MIT
/*
 * poll.c - poll and select: ppoll(), pselect6().
 *
 * On its first pass, a call adds one wait entry to each queue of each file, up to the first file
 * that is ready. A wake-up of any of these queues sets `woken` and wakes the call's own queue; then
 * all files are polled again. The entries and the references on the files are kept until the end of
 * the call.
 */
#include <linux/errno.h>
#include <linux/eventpoll.h>
#include <linux/poll.h>
#include <linux/posix_types.h>
#include <linux/time_types.h>
#include <string.h>
#include "sched/clock.h"
#include "file.h"
#include "mm/page.h"
#include "poll.h"
#include "proc/signal.h"
#include "proc/syscall.h"
#include "mm/uaccess.h"

#define PIECE 64 /* descriptors between two calls to irq_window() */

struct poll_entry {
	struct wait_entry wait;
	struct waitq *wq;
	struct poll_call *call;
	struct poll_entry *next;
};

struct poll_call {
	struct poll_table table;
	struct waitq wait;
	bool woken;
	bool failed; /* no memory for an entry */
	struct poll_entry *entries;
};

static void entry_woken(struct wait_entry *wait, struct hv_kicks *kicks)
{
	struct poll_call *call = container_of(wait, struct poll_entry, wait)->call;

	WRITE_ONCE(call->woken, true);
	waitq_wake_gather(&call->wait, kicks);
}

static void call_enter(struct poll_table *table, struct waitq *wq)
{
	struct poll_call *call = container_of(table, struct poll_call, table);
	struct poll_entry *e = kmalloc(sizeof(*e));

	if (!e) {
		call->failed = true;
		return;
	}
	e->call = call;
	e->wq = wq;
	e->wait.fn = entry_woken;
	e->next = call->entries;
	call->entries = e;
	waitq_add(wq, &e->wait);
}

static void call_end(struct poll_call *call)
{
	struct poll_entry *e;
	unsigned int i;

	for (i = 0; (e = call->entries); i++) {
		if (i % PIECE == PIECE - 1)
			irq_window();
		call->entries = e->next;
		waitq_remove(e->wq, &e->wait);
		kfree(e);
	}
}

/* One polled descriptor. Its file is held until the end of the call. */
struct polled {
	struct file *f;
	unsigned int wanted, got;
};

/* Return the number of ready descriptors, or -EINTR if the thread is being killed. */
static int scan(struct polled *p, unsigned int n, struct poll_table *table)
{
	unsigned int i;
	int ready = 0;

	for (i = 0; i < n; i++) {
		if (i % PIECE == PIECE - 1 && irq_window_killable())
			return -EINTR;
		if (!p[i].f) {
			ready += p[i].got != 0; /* EPOLLNVAL */
			continue;
		}
		p[i].got = file_poll(p[i].f, ready ? NULL : table) &
			   (p[i].wanted | EPOLLERR | EPOLLHUP);
		ready += p[i].got != 0;
	}
	return ready;
}

/*
 * Wait until a descriptor is ready. Returns the number of ready descriptors, 0 if time is up,
 * -EINTR or -ENOMEM.
 */
static int poll_wait_for(struct polled *p, unsigned int n, u64 deadline)
{
	struct poll_call call = { .table.enter = call_enter };
	struct poll_table *table = &call.table;
	int ready, err = 0;

	waitq_init(&call.wait);
	for (;;) {
		/* Fence: either scan() sees a waker's change, or `woken` is set again. */
		WRITE_ONCE(call.woken, false);
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		ready = scan(p, n, table);
		table = NULL;
		if (ready || err)
			break;
		if (call.failed) {
			err = -ENOMEM;
			break;
		}
		err = wait_event_deadline(&call.wait, READ_ONCE(call.woken), deadline);
		if (err == -EINTR)
			break;
	}
	call_end(&call);
	return ready ? ready : err == -ETIME ? 0 : err;
}

/*
 * Set *deadline from the relative timespec at user address `ts`, or to WAIT_FOREVER if ts is 0. A
 * restarted call keeps the deadline of the interrupted one. Returns 0, -EFAULT or -EINVAL.
 */
static int deadline_of(unsigned long ts, u64 *deadline)
{
	struct __kernel_timespec t;

	*deadline = WAIT_FOREVER;
	if (!ts)
		return 0;
	*deadline = take_restart_deadline();
	if (*deadline)
		return 0;
	if (copy_from_user(&t, ts, sizeof(t)))
		return -EFAULT;
	if (t.tv_sec < 0 || t.tv_nsec < 0 || t.tv_nsec >= 1000000000)
		return -EINVAL;
	*deadline = WAIT_FOREVER; /* a longer timeout than this counts as forever */
	if (t.tv_sec < 0x10000000)
		*deadline = hv_time() + ns_to_ticks((u64)t.tv_sec * 1000000000ULL + (u64)t.tv_nsec);
	return 0;
}

/* If a signal has ended the call, its temporary mask stays, and a restart keeps its deadline. */
static long end_wait(long ret, u64 deadline)
{
	if (ret != -EINTR)
		signal_mask_restore();
	else if (deadline != WAIT_FOREVER)
		current->sig.restart_deadline = deadline;
	return ret;
}

static void hold_file(struct polled *p, int fd)
{
	p->f = fd < 0 ? NULL : fd_get(fd);
	p->got = fd >= 0 && !p->f ? POLLNVAL : 0;
}

/* Returns false if a descriptor is not open. */
static bool hold_files(struct polled *p, unsigned int n, const int *fds)
{
	bool all = true;
	unsigned int i;

	for (i = 0; i < n; i++) {
		hold_file(&p[i], fds[i]);
		all &= p[i].f != NULL;
		if (i % PIECE == PIECE - 1)
			irq_window();
	}
	return all;
}

static void drop_files(struct polled *p, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		file_put(p[i].f);
		if (i % PIECE == PIECE - 1)
			irq_window();
	}
}

/* ---- ppoll ----------------------------------------------------------------------------------- */

/* Copy the entries from user memory, and hold their files. *held: how many, even after an error. */
static int read_entries(unsigned long user, struct pollfd *fds, struct polled *p, unsigned int n,
			unsigned int *held)
{
	unsigned int at, part, i;

	for (at = 0; at < n; at += part, *held = at) {
		part = MIN(n - at, PIECE);
		if (copy_from_user(fds + at, user + at * sizeof(*fds), part * sizeof(*fds)))
			return -EFAULT;
		for (i = at; i < at + part; i++) {
			hold_file(&p[i], fds[i].fd);
			p[i].wanted = (unsigned short)fds[i].events;
		}
		if (part == PIECE)
			irq_window();
	}
	return 0;
}

/* Store only revents: meanwhile, another thread may have changed the other members. */
static int write_entries(unsigned long user, const struct polled *p, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		if (put_user((short)p[i].got,
			     user + i * sizeof(struct pollfd) + offsetof(struct pollfd, revents)))
			return -EFAULT;
		if (i % PIECE == PIECE - 1)
			irq_window();
	}
	return 0;
}

static long do_poll(unsigned long user, unsigned int n, u64 deadline)
{
	struct pollfd *fds = kmalloc(n * sizeof(*fds) + 1);
	struct polled *p = kmalloc(n * sizeof(*p) + 1);
	unsigned int held = 0;
	long ret = -ENOMEM;

	if (fds && p)
		ret = read_entries(user, fds, p, n, &held);
	if (!ret)
		ret = poll_wait_for(p, n, deadline);
	if (held)
		drop_files(p, held);
	if (ret >= 0 && write_entries(user, p, n))
		ret = -EFAULT;
	kfree(p);
	kfree(fds);
	return ret;
}

long sys_ppoll(struct trap_frame *frame)
{
	unsigned int n = (unsigned int)frame->a1;
	u64 deadline;
	long ret;

	if (n > (unsigned int)fd_limit())
		return -EINVAL;
	ret = deadline_of(frame->a2, &deadline);
	if (!ret)
		ret = signal_mask_set_user(frame->a3, frame->a4);
	if (ret)
		return ret;
	return end_wait(do_poll(frame->a0, n, deadline), deadline);
}

/* ---- pselect6 -------------------------------------------------------------------------------- */

#define SELECT_IN  (EPOLLIN | EPOLLRDNORM | EPOLLHUP | EPOLLERR)
#define SELECT_OUT (EPOLLOUT | EPOLLWRNORM | EPOLLERR)
#define SELECT_EX  EPOLLPRI

static const unsigned int select_events[3] = { SELECT_IN, SELECT_OUT, SELECT_EX };

/* The read, write and exception sets, one bit per descriptor: as requested and as answered. */
struct select_sets {
	size_t size; /* of one set, in bytes */
	u64 *asked[3], *answer[3];
};

static bool set_has(const u64 *set, unsigned int fd)
{
	return set[fd / 64] >> (fd % 64) & 1;
}

/*
 * Allocate the sets for n descriptors in one block, which begins at asked[0]. Returns 0 or -ENOMEM.
 */
static int make_sets(struct select_sets *sets, unsigned int n)
{
	size_t words = (n + 63) / 64;
	u64 *all = kmalloc(6 * words * sizeof(*all) + 1);
	int i;

	sets->size = words * sizeof(*all);
	for (i = 0; i < 3 && all; i++) {
		sets->asked[i] = all + i * words;
		sets->answer[i] = all + (3 + i) * words;
	}
	return all ? 0 : -ENOMEM;
}

static int read_sets(struct select_sets *sets, const unsigned long user[3])
{
	int i, err = 0;

	for (i = 0; i < 3 && !err; i++)
		if (user[i])
			err = copy_from_user(sets->asked[i], user[i], sets->size);
	return err;
}

static int write_sets(const struct select_sets *sets, const unsigned long user[3])
{
	int i, err = 0;

	for (i = 0; i < 3 && !err; i++)
		if (user[i])
			err = copy_to_user(user[i], sets->answer[i], sets->size);
	return err;
}

/*
 * Store the requested descriptors below n in fds[], and their events in p[]. Returns the number of
 * descriptors stored.
 */
static unsigned int list_sets(const struct select_sets *sets, unsigned int n, int *fds,
			      struct polled *p)
{
	unsigned int fd, i, count = 0, wanted;

	for (fd = 0; fd < n; fd++) {
		for (i = 0, wanted = 0; i < 3; i++)
			if (set_has(sets->asked[i], fd))
				wanted |= select_events[i];
		if (fd % (8 * PIECE) == 8 * PIECE - 1)
			irq_window();
		if (!wanted)
			continue;
		fds[count] = (int)fd;
		p[count++].wanted = wanted;
	}
	return count;
}

/* Set the bits of the ready descriptors in the answer. Returns the number of bits set. */
static long answer_sets(const struct select_sets *sets, const int *fds, const struct polled *p,
			unsigned int count)
{
	unsigned int i, s;
	long bits = 0;

	for (i = 0; i < count; i++) {
		if (i % PIECE == PIECE - 1)
			irq_window();
		for (s = 0; s < 3; s++)
			if (set_has(sets->asked[s], (unsigned int)fds[i]) &&
			    (p[i].got & select_events[s])) {
				sets->answer[s][fds[i] / 64] |= 1ULL << (fds[i] % 64);
				bits++;
			}
	}
	return bits;
}

static long do_select(unsigned int n, const unsigned long user[3], u64 deadline)
{
	struct select_sets sets = { 0 };
	struct polled *p = kmalloc(n * sizeof(*p) + 1);
	int *fds = kmalloc(n * sizeof(*fds) + 1);
	unsigned int count;
	long ret = -ENOMEM;

	if (p && fds)
		ret = make_sets(&sets, n);
	if (!ret)
		ret = read_sets(&sets, user);
	if (!ret) {
		count = list_sets(&sets, n, fds, p);
		ret = hold_files(p, count, fds) ? poll_wait_for(p, count, deadline) : -EBADF;
		drop_files(p, count);
		if (ret >= 0)
			ret = answer_sets(&sets, fds, p, count);
		if (ret >= 0 && write_sets(&sets, user))
			ret = -EFAULT;
	}
	kfree(sets.asked[0]);
	kfree(fds);
	kfree(p);
	return ret;
}

long sys_pselect6(struct trap_frame *frame)
{
	const unsigned long user[3] = { frame->a1, frame->a2, frame->a3 };
	unsigned long mask[2] = { 0, 0 }; /* the signal mask's address and size */
	int n = (int)frame->a0;
	u64 deadline;
	long ret;

	if (n < 0)
		return -EINVAL;
	if (frame->a5 && copy_from_user(mask, frame->a5, sizeof(mask)))
		return -EFAULT;
	ret = deadline_of(frame->a4, &deadline);
	if (!ret)
		ret = signal_mask_set_user(mask[0], mask[1]);
	if (ret)
		return ret;
	ret = do_select(MIN((unsigned int)n, (unsigned int)fd_limit()), user, deadline);
	return end_wait(ret, deadline);
}
