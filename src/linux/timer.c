// SPDX-License-Identifier: MIT
/*
 * timer.c - the core's timers are hrtimers, which expire in interrupt context on some hart.
 */
#include <linux/delay.h> /* riscv_timebase */
#include <linux/hrtimer.h>
#include <linux/math64.h>
#include <linux/version.h>
#include "linux.h"

struct host_timer {
	void (*fn)(struct hv_timer *timer); /* as in struct hv_timer */
	struct hrtimer hrtimer;
	u64 deadline; /* of the last hv_timer_start(), in steady time */
};

static_assert(sizeof(struct host_timer) <= sizeof(struct hv_timer));
static_assert(offsetof(struct host_timer, hrtimer) == offsetof(struct hv_timer, opaque));

static struct host_timer *host_timer_of(struct hv_timer *timer)
{
	return (struct host_timer *)timer;
}

/*
 * After hibernation, the time CSR counts from the machine's new start. CLOCK_MONOTONIC continues, and
 * hrtimers with it, so their deadlines are in steady time: the time CSR plus the sum of all differences
 * by which it has gone back. This sum changes only in time_resume().
 */
static u64 gone_back;
static u64 suspended_at; /* the time CSR in the last time_suspend() */

static u64 steady_time(void)
{
	return csr_time() + gone_back;
}

void time_suspend(void)
{
	suspended_at = csr_time();
}

/*
 * The time CSR has continued after a suspend to memory, and in the kernel that has just made an image of
 * itself, which resumes to write the image to the disk. Then guest time is right as it is.
 */
void time_resume(void)
{
	u64 now = csr_time();

	if (now >= suspended_at)
		return;
	gone_back += suspended_at - now;
	kvm_time_went_back(suspended_at - now);
}

unsigned long hv_timebase_hz(void)
{
	return riscv_timebase;
}

/* Return the time from now to a deadline in steady time, in ns; 0 if it has passed. */
static s64 ns_until(u64 deadline)
{
	u64 now = steady_time();

	if (deadline <= now)
		return 0;
	/* A century is long enough, and does not overflow when Linux adds the current time. */
	return min_t(u64, mul_u64_u64_div_u64(deadline - now, NSEC_PER_SEC, riscv_timebase),
		     KTIME_MAX / 3);
}

/* hv_timer_start() may write another deadline meanwhile: the hrtimer gets the last one. */
static void arm(struct host_timer *timer)
{
	u64 deadline;

	do {
		deadline = READ_ONCE(timer->deadline);
		hrtimer_start(&timer->hrtimer, ns_to_ktime(ns_until(deadline)),
			      HRTIMER_MODE_REL_HARD);
	} while (READ_ONCE(timer->deadline) != deadline);
}

/*
 * CLOCK_MONOTONIC is faster than the time CSR while NTP advances it. The hrtimer then expires before
 * the deadline, and the core would find that nothing is due.
 */
static enum hrtimer_restart expired(struct hrtimer *hrtimer)
{
	struct host_timer *timer = container_of(hrtimer, struct host_timer, hrtimer);

	if (steady_time() < READ_ONCE(timer->deadline))
		arm(timer);
	else
		timer->fn((struct hv_timer *)timer);
	return HRTIMER_NORESTART;
}

void hv_timer_init(struct hv_timer *timer, void (*fn)(struct hv_timer *timer))
{
	struct hrtimer *hrtimer = &host_timer_of(timer)->hrtimer;

	timer->fn = fn;
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
	hrtimer_init(hrtimer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_HARD);
	hrtimer->function = expired;
#else
	hrtimer_setup(hrtimer, expired, CLOCK_MONOTONIC, HRTIMER_MODE_REL_HARD);
#endif
}

void hv_timer_start(struct hv_timer *timer, u64 deadline)
{
	/* A deadline close to the largest value stays in the far future, and does not wrap around. */
	WRITE_ONCE(host_timer_of(timer)->deadline, max(deadline, deadline + gone_back));
	arm(host_timer_of(timer));
}

void hv_timer_cancel(struct hv_timer *timer)
{
	hrtimer_cancel(&host_timer_of(timer)->hrtimer);
}

void hv_sample(unsigned int mode, unsigned long pc)
{
}
