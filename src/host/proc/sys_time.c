// SPDX-License-Identifier: MIT
/*
 * sys_time.c - system calls for clocks, sleeping, interval timers and processor time.
 *
 * CLOCK_MONOTONIC counts from power-on. All clocks tick with the time CSR.
 */
#include <linux/errno.h>
#include <linux/resource.h>
#include <linux/time.h>
#include <linux/times.h>
#include <asm/siginfo.h>
#include <asm/signal.h>
#include <string.h>
#include "hv/bits.h"
#include "sched/clock.h"
#include "mm/page.h"
#include "process_impl.h"
#include "rusage.h"
#include "syscall.h"
#include "mm/uaccess.h"
#include "user_time.h"

#define NS_PER_SEC  1000000000ULL
#define NS_PER_USEC 1000
#define SEC_MAX     (~0ULL / NS_PER_SEC - 1)
#define USER_HZ     100

struct timespec64 {
	s64 sec, nsec;
};

struct timeval64 {
	s64 sec, usec;
};

/* ---- struct timespec of programs ---- */

int user_timespec_get(unsigned long addr, u64 *ns)
{
	struct timespec64 ts;

	if (copy_from_user(&ts, addr, sizeof(ts)) < 0)
		return -EFAULT;
	if (ts.sec < 0 || ts.nsec < 0 || ts.nsec >= (s64)NS_PER_SEC)
		return -EINVAL;
	*ns = (u64)ts.sec > SEC_MAX ? ~0ULL : (u64)ts.sec * NS_PER_SEC + (u64)ts.nsec;
	return 0;
}

static int user_timespec_put(unsigned long addr, u64 ns)
{
	struct timespec64 ts = { (s64)(ns / NS_PER_SEC), (s64)(ns % NS_PER_SEC) };

	return copy_to_user(addr, &ts, sizeof(ts));
}

u64 deadline_after(u64 ns)
{
	u64 ticks = ns_to_ticks(ns), now = hv_time();

	return ticks < WAIT_FOREVER - 1 - now ? now + ticks : WAIT_FOREVER - 1;
}

u64 deadline_at(u64 ns, bool realtime)
{
	if (!realtime)
		return ns_to_ticks(ns);
	return ns <= boot_realtime_ns ? 0 : ns_to_ticks(ns - boot_realtime_ns);
}

/* ---- processor time ---- */

static u64 thread_ticks(const struct thread *t)
{
	return READ_ONCE(t->run_time) + (t == current ? hv_time() - t->run_start : 0);
}

static u64 process_ticks(struct process *p)
{
	struct thread *t;
	u64 sum;

	spin_lock(&p->lock);
	sum = p->run_time;
	list_for_each_entry(t, &p->threads, process_link)
		sum += thread_ticks(t);
	spin_unlock(&p->lock);
	return sum;
}

void rusage_fill(struct rusage *ru, u64 ticks)
{
	u64 ns = ticks_to_ns(ticks);

	memset(ru, 0, sizeof(*ru));
	ru->ru_utime.tv_sec = (__kernel_old_time_t)(ns / NS_PER_SEC);
	ru->ru_utime.tv_usec = (__kernel_suseconds_t)(ns % NS_PER_SEC / NS_PER_USEC);
}

long sys_getrusage(struct trap_frame *frame)
{
	struct rusage ru;

	switch ((int)frame->a0) {
	case RUSAGE_SELF:
		rusage_fill(&ru, process_ticks(current_process));
		break;
	case RUSAGE_CHILDREN:
		rusage_fill(&ru, READ_ONCE(current_process->child_time));
		break;
	case RUSAGE_THREAD:
		rusage_fill(&ru, thread_ticks(current));
		break;
	default:
		return -EINVAL;
	}
	return copy_to_user(frame->a1, &ru, sizeof(ru));
}

long sys_times(struct trap_frame *frame)
{
	u64 per_tick = timebase_hz / USER_HZ;
	struct tms tms = { 0 };

	tms.tms_utime = (__kernel_clock_t)(process_ticks(current_process) / per_tick);
	tms.tms_cutime = (__kernel_clock_t)(READ_ONCE(current_process->child_time) / per_tick);
	if (frame->a0 && copy_to_user(frame->a0, &tms, sizeof(tms)) < 0)
		return -EFAULT;
	return (long)(hv_time() / per_tick);
}

/* ---- clocks ---- */

static int clock_read(int clock, u64 *ns)
{
	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_TAI:
		*ns = clock_realtime_ns();
		return 0;
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_BOOTTIME:
		*ns = clock_monotonic_ns();
		return 0;
	case CLOCK_PROCESS_CPUTIME_ID:
		*ns = ticks_to_ns(process_ticks(current_process));
		return 0;
	case CLOCK_THREAD_CPUTIME_ID:
		*ns = ticks_to_ns(thread_ticks(current));
		return 0;
	default:
		return -EINVAL;
	}
}

long sys_clock_gettime(struct trap_frame *frame)
{
	u64 ns;
	int err = clock_read((int)frame->a0, &ns);

	return err < 0 ? err : user_timespec_put(frame->a1, ns);
}

long sys_clock_getres(struct trap_frame *frame)
{
	u64 ns;
	int err = clock_read((int)frame->a0, &ns);

	if (err < 0 || !frame->a1)
		return err;
	return user_timespec_put(frame->a1, MAX(NS_PER_SEC / timebase_hz, 1ULL));
}

/* Programs cannot set the time of day, because runs must be repeatable. */
long sys_clock_settime(struct trap_frame *frame)
{
	u64 ns;
	int err = user_timespec_get(frame->a1, &ns);

	if (err < 0)
		return err;
	return (int)frame->a0 == CLOCK_REALTIME ? -EPERM : -EINVAL;
}

long sys_gettimeofday(struct trap_frame *frame)
{
	u64 ns = clock_realtime_ns();
	struct timeval64 tv = { (s64)(ns / NS_PER_SEC), (s64)(ns % NS_PER_SEC / NS_PER_USEC) };
	static const int no_zone[2];

	if (frame->a0 && copy_to_user(frame->a0, &tv, sizeof(tv)) < 0)
		return -EFAULT;
	if (frame->a1 && copy_to_user(frame->a1, no_zone, sizeof(no_zone)) < 0)
		return -EFAULT;
	return 0;
}

/* ---- sleeping ---- */

/*
 * Sleep until the deadline. If a signal ends a relative sleep, keep the deadline for a restart and
 * store the remaining time at user address `remaining`, unless `remaining` is 0.
 */
static long sleep_until(u64 deadline, unsigned long remaining, bool relative)
{
	struct waitq never;
	u64 now;
	int err;

	waitq_init(&never);
	err = wait_event_deadline(&never, false, deadline);
	if (err != -EINTR)
		return 0;
	if (!relative)
		return -EINTR;
	now = hv_time();
	if (remaining &&
	    user_timespec_put(remaining, deadline > now ? ticks_to_ns(deadline - now) : 0) < 0)
		return -EFAULT;
	current->sig.restart_deadline = deadline; /* only if the call may be restarted */
	return -EINTR;
}

/* A restarted sleep keeps the deadline of the interrupted one. */
static u64 relative_deadline(u64 ns)
{
	u64 deadline = take_restart_deadline();

	return deadline ? deadline : deadline_after(ns);
}

long sys_nanosleep(struct trap_frame *frame)
{
	u64 ns;
	int err = user_timespec_get(frame->a0, &ns);

	return err < 0 ? err : sleep_until(relative_deadline(ns), frame->a1, true);
}

long sys_clock_nanosleep(struct trap_frame *frame)
{
	int clock = (int)frame->a0;
	bool realtime = clock == CLOCK_REALTIME || clock == CLOCK_TAI;
	u64 ns;
	int err;

	if (!realtime && clock != CLOCK_MONOTONIC && clock != CLOCK_BOOTTIME)
		return -EINVAL;
	err = user_timespec_get(frame->a2, &ns);
	if (err < 0)
		return err;
	if (frame->a1 & TIMER_ABSTIME)
		return sleep_until(deadline_at(ns, realtime), 0, false);
	return sleep_until(relative_deadline(ns), frame->a3, true);
}

/* ---- ITIMER_REAL ---- */

/*
 * As on Linux, an interval timer fires once per signal taken: dequeuing SIGALRM rearms the timer
 * (itimer_signal_taken()). So a timer fires no more often than its program's threads run. If timers
 * rearmed themselves, the timers of a few hundred processes would use all of a hart's time. A
 * process that ignores SIGALRM gets one expiration, and then none until it calls setitimer().
 */
#define ITIMER_SHORTEST (timebase_hz / 10000) /* in ticks; leaves time for the program itself */

/* Guards the creation of a process's struct itimer, which stays until the process ends. */
static struct mutex itimer_lock = { .waiters = LIST_HEAD_INIT(itimer_lock.waiters) };

struct itimer {
	struct hv_timer timer;
	struct process *process;
	struct spinlock lock; /* also taken in interrupt context; before the process's locks */
	u64 interval;         /* ticks; 0: once */
	u64 deadline;         /* 0: not set */
	bool fired;           /* a periodic timer fired, and SIGALRM has not been taken yet */
};

static void itimer_fire(struct hv_timer *timer)
{
	struct itimer *it = container_of(timer, struct itimer, timer);

	spin_lock(&it->lock);
	/* Do nothing if setitimer() changed or cleared the deadline after the timer was armed. */
	if (it->deadline && !it->fired && hv_time() >= it->deadline) {
		it->fired = it->interval;
		if (!it->interval)
			it->deadline = 0;
		signal_send_process(it->process, SIGALRM, SI_KERNEL);
	}
	spin_unlock(&it->lock);
}

static struct itimer *itimer_of(struct process *p)
{
	struct hv_timer *timer = READ_ONCE(p->itimer);

	return timer ? container_of(timer, struct itimer, timer) : NULL;
}

void itimer_signal_taken(struct process *p)
{
	struct itimer *it = itimer_of(p);

	if (!it)
		return;
	spin_lock(&it->lock);
	if (it->fired) {
		/*
		 * One signal stands for all the intervals that have passed; rearm the timer for the
		 * next deadline.
		 */
		it->deadline += ((hv_time() - it->deadline) / it->interval + 1) * it->interval;
		it->fired = false;
		hv_timer_start(&it->timer, it->deadline);
	}
	spin_unlock(&it->lock);
}

void itimer_free_process(struct process *p)
{
	struct itimer *it = itimer_of(p);

	if (!it)
		return;
	hv_timer_cancel(&it->timer); /* no other thread is left that could restart the timer */
	p->itimer = NULL;
	kfree(it);
}

static u64 timeval_to_ticks(const struct timeval64 *tv)
{
	const u64 most = WAIT_FOREVER / 4; /* so that the sum of two times doesn't overflow */

	if ((u64)tv->sec > SEC_MAX)
		return most;
	return MIN(ns_to_ticks((u64)tv->sec * NS_PER_SEC + (u64)tv->usec * NS_PER_USEC), most);
}

static struct timeval64 ticks_to_timeval(u64 ticks)
{
	u64 us = (ticks_to_ns(ticks) + NS_PER_USEC - 1) / NS_PER_USEC;

	return (struct timeval64){ (s64)(us / 1000000), (s64)(us % 1000000) };
}

/*
 * Store the interval in out[0] and, if the timer is armed, the time left in out[1], as in struct
 * itimerval. it->lock is held.
 */
static void itimer_read(const struct itimer *it, struct timeval64 out[2])
{
	u64 now = hv_time();

	out[0] = ticks_to_timeval(it->interval);
	if (it->deadline && !it->fired)
		out[1] = ticks_to_timeval(it->deadline > now ? it->deadline - now : 1);
}

/* it->lock is held. */
static void itimer_write(struct itimer *it, const struct timeval64 in[2])
{
	u64 value = timeval_to_ticks(&in[1]);

	it->fired = false;
	it->interval = timeval_to_ticks(&in[0]);
	if (it->interval)
		it->interval = MAX(it->interval, ITIMER_SHORTEST);
	it->deadline = value ? hv_time() + value : 0;
	if (!value)
		it->interval = 0;
	else
		hv_timer_start(&it->timer, it->deadline);
}

/*
 * Return the current process's timer. Create it if there is none; return NULL if there is no
 * memory.
 */
static struct itimer *itimer_make(void)
{
	struct process *p = current_process;
	struct itimer *it;

	mutex_lock(&itimer_lock);
	it = itimer_of(p);
	if (!it) {
		it = kmalloc(sizeof(*it));
		if (it) {
			hv_timer_init(&it->timer, itimer_fire);
			it->process = p;
			__atomic_store_n(&p->itimer, &it->timer, __ATOMIC_RELEASE);
		}
	}
	mutex_unlock(&itimer_lock);
	return it;
}

long sys_getitimer(struct trap_frame *frame)
{
	struct itimer *it = itimer_of(current_process);
	struct timeval64 tv[2] = { 0 };

	if ((int)frame->a0 != 0) /* only ITIMER_REAL is supported: processor time has no timers */
		return -EINVAL;
	if (it) {
		spin_lock(&it->lock);
		itimer_read(it, tv);
		spin_unlock(&it->lock);
	}
	return copy_to_user(frame->a1, tv, sizeof(tv));
}

long sys_setitimer(struct trap_frame *frame)
{
	struct timeval64 in[2] = { 0 }, old[2] = { 0 };
	struct itimer *it;

	if ((int)frame->a0 != 0)
		return -EINVAL;
	if (frame->a1 && copy_from_user(in, frame->a1, sizeof(in)) < 0)
		return -EFAULT;
	for (int i = 0; i < 2; i++)
		if (in[i].sec < 0 || in[i].usec < 0 || in[i].usec >= 1000000)
			return -EINVAL;
	it = itimer_make();
	if (!it)
		return -ENOMEM;
	spin_lock(&it->lock);
	itimer_read(it, old);
	itimer_write(it, in);
	spin_unlock(&it->lock);
	if (frame->a2 && copy_to_user(frame->a2, old, sizeof(old)) < 0)
		return -EFAULT;
	return 0;
}
