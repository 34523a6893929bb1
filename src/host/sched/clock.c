// SPDX-License-Identifier: MIT
/*
 * clock.c - the time CSR, and each hart's timers in a list sorted by deadline.
 *
 * Hardware is programmed only when the first deadline has changed: through stimecmp if the hart has
 * Sstc, else through SBI TIME. Locks: hart->timer_lock; callbacks run without it.
 * Spec: Sstc, SBI §6.
 */
#include "clock.h"
#include "platform/fdt.h"
#include "hv/trace.h"
#include "lib/printk.h"
#include "platform/sbi.h"
#include "smp.h"
#include "wait.h"

#define NS_PER_SEC        1000000000ULL
#define MAX_SLEEP_SECONDS 60
#define EXPIRED_MAX       64 /* timers that one interrupt handles */

unsigned long timebase_hz;
u64 boot_realtime_ns;
static bool has_sstc;

u64 ticks_to_ns(u64 ticks)
{
	return ticks / timebase_hz * NS_PER_SEC + ticks % timebase_hz * NS_PER_SEC / timebase_hz;
}

u64 ns_to_ticks(u64 ns)
{
	u64 sec = ns / NS_PER_SEC;

	if (sec > (WAIT_FOREVER - 1) / timebase_hz - 1)
		return WAIT_FOREVER - 1;
	/* Round up: a sleep is never shorter than requested. */
	return sec * timebase_hz + (ns % NS_PER_SEC * timebase_hz + NS_PER_SEC - 1) / NS_PER_SEC;
}

u64 clock_monotonic_ns(void)
{
	return ticks_to_ns(hv_time());
}

u64 clock_realtime_ns(void)
{
	return boot_realtime_ns + clock_monotonic_ns();
}

unsigned long hv_timebase_hz(void)
{
	return timebase_hz;
}

static void program_timer(struct hart *hart)
{
	u64 first = WAIT_FOREVER;

	if (!list_empty(&hart->timers))
		first = list_first_entry(&hart->timers, struct hv_timer, link)->deadline;
	if (first == hart->programmed)
		return;
	hart->programmed = first;
	/*
	 * Program at most a minute ahead: where idle time is skipped (QEMU's -icount sleep=off), a
	 * hart that waits for a device would otherwise skip to a deadline in the far future.
	 */
	first = MIN(first, hv_time() + MAX_SLEEP_SECONDS * (u64)timebase_hz);
	if (has_sstc)
		csr_write(stimecmp, first);
	else
		sbi_call(SBI_EXT_TIME, SBI_TIME_SET_TIMER, first, 0, 0, 0, 0);
}

void hv_timer_init(struct hv_timer *timer, void (*fn)(struct hv_timer *timer))
{
	*timer = (struct hv_timer){ .fn = fn };
	list_init(&timer->link);
}

/*
 * Take an armed timer off its hart's list, whose lock is held. Release: once the timer is not
 * armed, hv_timer_start() on another hart may link it, and hv_timer_cancel() looks for its fn.
 */
static void disarm(struct hv_timer *timer)
{
	list_del(&timer->link);
	__atomic_store_n(&timer->armed, 0, __ATOMIC_RELEASE);
}

/*
 * If a timer is armed, `armed` is 1 + the hart on whose list it is. Only that hart's lock keeps it
 * there: fn may arm the timer on another hart meanwhile.
 */
void timer_remove(struct hv_timer *timer)
{
	unsigned int armed;

	while ((armed = __atomic_load_n(&timer->armed, __ATOMIC_ACQUIRE))) {
		struct hart *hart = &harts[armed - 1];
		bool here;

		spin_lock(&hart->timer_lock);
		here = READ_ONCE(timer->armed) == armed;
		if (here)
			disarm(timer);
		spin_unlock(&hart->timer_lock);
		if (here)
			return;
	}
}

void hv_timer_start(struct hv_timer *timer, u64 deadline)
{
	struct hart *me = my_hart();
	struct hv_timer *other;

	if (__atomic_load_n(&timer->armed, __ATOMIC_ACQUIRE))
		timer_remove(timer);
	spin_lock(&me->timer_lock);
	timer->deadline = deadline;
	WRITE_ONCE(timer->armed, this_hart() + 1);
	list_for_each_entry(other, &me->timers, link)
		if (other->deadline > deadline)
			break;
	list_add_tail(&timer->link, &other->link);
	program_timer(me);
	spin_unlock(&me->timer_lock);
}

/* Returns true while the timer's fn runs, on whichever hart. */
static bool timer_runs(const struct hv_timer *timer)
{
	for (unsigned int i = 0; i < nr_harts; i++)
		if (__atomic_load_n(&harts[i].running_timer, __ATOMIC_ACQUIRE) == timer)
			return true;
	return false;
}

void hv_timer_cancel(struct hv_timer *timer)
{
	do {
		timer_remove(timer);
		while (timer_runs(timer))
			hv_cpu_relax();
	} while (READ_ONCE(timer->armed)); /* fn itself may have armed it again */
}

void clock_interrupt(void)
{
	struct hart *me = my_hart();
	unsigned int n;

	me->timer_irqs++;
	spin_lock(&me->timer_lock);
	/* If more timers have expired, the timer interrupt is pending again at once. */
	for (n = 0; n < EXPIRED_MAX && !list_empty(&me->timers); n++) {
		struct hv_timer *timer = list_first_entry(&me->timers, struct hv_timer, link);

		if (timer->deadline > hv_time())
			break;
		/* Before it is disarmed: hv_timer_cancel() sees one or the other. */
		WRITE_ONCE(me->running_timer, timer);
		disarm(timer);
		spin_unlock(&me->timer_lock);
		if (trace_host_timer_enabled())
			trace_host_timer(timer->deadline, hv_time() - timer->deadline);
		timer->fn(timer);
		__atomic_store_n(&me->running_timer, NULL, __ATOMIC_RELEASE);
		spin_lock(&me->timer_lock);
	}
	me->programmed = 0; /* the deadline in hardware has passed */
	program_timer(me);
	spin_unlock(&me->timer_lock);
}

void clock_init(void)
{
	int cpus = fdt_path_offset(host_fdt, "/cpus");

	timebase_hz = (unsigned long)fdt_number(cpus, "timebase-frequency", 0);
	if (!timebase_hz)
		panic("the device tree has no timebase-frequency");
	has_sstc = hv_isa_has("sstc");
}

void clock_hart_init(void)
{
	struct hart *me = my_hart();

	spin_lock(&me->timer_lock);
	if (!me->timers.next)
		list_init(&me->timers);
	me->programmed = 0;
	program_timer(me);
	spin_unlock(&me->timer_lock);
	/* Not earlier: the interrupt may be pending since boot, as with OpenSBI 1.9 on QEMU 11.1. */
	csr_set(sie, BIT(IRQ_S_TIMER));
}
