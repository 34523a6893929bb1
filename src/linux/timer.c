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
	u64 deadline; /* of the last hv_timer_start() */
};

static_assert(sizeof(struct host_timer) <= sizeof(struct hv_timer));
static_assert(offsetof(struct host_timer, hrtimer) == offsetof(struct hv_timer, opaque));

static struct host_timer *host_timer_of(struct hv_timer *timer)
{
	return (struct host_timer *)timer;
}

unsigned long hv_timebase_hz(void)
{
	return riscv_timebase;
}

/* Return the time from now to a deadline in ticks of the time CSR, in ns; 0 if it has passed. */
static s64 ns_until(u64 deadline)
{
	u64 now = csr_time();

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

	if (csr_time() < READ_ONCE(timer->deadline))
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
	WRITE_ONCE(host_timer_of(timer)->deadline, deadline);
	arm(host_timer_of(timer));
}

void hv_timer_cancel(struct hv_timer *timer)
{
	hrtimer_cancel(&host_timer_of(timer)->hrtimer);
}

void hv_sample(unsigned int mode, unsigned long pc)
{
}
