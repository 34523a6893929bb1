// SPDX-License-Identifier: MIT
/*
 * pmu.c - the harts' programmable counters, provided to guests by perf events (hv/host_pmu.h).
 *
 * Linux's perf owns the counters. A prepared counter is a perf event of the thread that runs the
 * vCPU: perf gives it a counter of the hart whenever the thread runs, and takes the counter back
 * before the scheduler calls hook_out(). Its filter lets it count only in VS and VU.
 *
 * perf can create, enable and disable an event only in a context that may sleep. So after
 * hv_pmc_stop(), the event counts on, whichever guest the thread runs, until another counter is
 * prepared for the thread. (This file could not stop the hart's counter itself: the driver starts all
 * of its counters again after the overflow of any of them.) hv_pmc_start() and hv_pmc_stop() read the
 * event's count, and only the difference belongs to the guest. At the start, the hart's counter is set
 * so that it overflows when the guest's would, unless it has counted nothing since the stop.
 *
 * perf calls overflowed() from the counter's interrupt. But if perf changes the thread's events before
 * Linux takes this interrupt, for example because another process attaches to the thread (an IPI has
 * the higher priority), it sets the counter anew and forgets the overflow. So hv_handle_interrupt()
 * and hv_pmc_stop() look for overflows as well.
 *
 * Locks: each bucket of the table `prepared` has a mutex. It is taken outside the core, and perf's
 * locks are taken under it.
 *
 * pmu_none.c takes the place of this file if Linux is configured without the SBI PMU's driver.
 */
#include <linux/bitfield.h>
#include <linux/err.h>
#include <linux/hash.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/perf/riscv_pmu.h>
#include <linux/perf_event.h>
#include <linux/slab.h>
#include "linux.h"
#include "hv/host_pmu.h"

#define FIXED   2           /* the driver counts cycle and instret, too */
#define LONGEST BIT_ULL(62) /* a number of events after which no counter overflows in practice */

struct perf_counter {
	struct perf_event *event; /* its hw.target is the thread */
	struct hlist_node link;   /* in the thread's bucket */
	struct hv_pmc *pmc;
	u64 base;                  /* the event's count when the counter had the value pmc->from */
	struct hlist_node started; /* in started_here of the hart on which it was started */
};

/* The counters that are started on this hart. Changed on the hart itself, with interrupts off. */
static DEFINE_PER_CPU(struct hlist_head, started_here);

static u64 value_mask; /* written before a vCPU has counters */

unsigned int hv_pmu_counters(unsigned int *width)
{
	u32 highest_bit, nr;

	*width = 0;
	if (!hv_isa_has("sscofpmf") || riscv_pmu_get_hpm_info(&highest_bit, &nr) || nr <= FIXED ||
	    !highest_bit)
		return 0;
	WRITE_ONCE(value_mask, GENMASK_ULL(highest_bit, 0));
	*width = highest_bit + 1;
	return nr - FIXED;
}

/* ---- values ------------------------------------------------------------------------------ */

/* Does the event have a counter of this hart? Then it is the calling thread's. */
static bool is_here(const struct perf_event *event)
{
	return READ_ONCE(event->oncpu) == smp_processor_id();
}

/* The number of events since the counter had the value pmc->from. */
static u64 counted(const struct perf_counter *c)
{
	if (is_here(c->event))
		c->event->pmu->read(c->event);
	return local64_read(&c->event->count) - c->base;
}

static u64 value_of(const struct perf_counter *c)
{
	return (c->pmc->from + counted(c)) & value_mask;
}

/*
 * perf throttles an event with many interrupts, and restarts it later with a wrong count. A guest
 * cannot cause many: after each overflow, it has to start the counter again.
 */
static void report_overflow(struct perf_counter *c)
{
	struct hv_pmc *pmc = c->pmc;

	if (pmc->overflow_reported || counted(c) <= value_mask - pmc->from)
		return;
	pmc->overflow_reported = true;
	c->event->hw.interrupts = 0;
	pmc->overflow(pmc);
}

/* In the counter's interrupt. The event also counts while the guest's counter is stopped. */
static void overflowed(struct perf_event *event, struct perf_sample_data *data,
		       struct pt_regs *regs)
{
	struct perf_counter *c = event->overflow_handler_context;

	if (c->pmc->counter)
		report_overflow(c);
}

void pmu_report_overflows(void)
{
	struct perf_counter *c;

	hlist_for_each_entry(c, this_cpu_ptr(&started_here), started)
		report_overflow(c);
}

/* Let the counter count from pmc->value, and interrupt when it overflows. */
static void set_value(struct perf_counter *c)
{
	struct perf_event *event = c->event;
	struct hv_pmc *pmc = c->pmc;

	event->pmu->stop(event, PERF_EF_UPDATE);
	pmc->from = pmc->value & value_mask;
	pmc->overflow_reported = false;
	c->base = local64_read(&event->count);
	local64_set(&event->hw.period_left, min(value_mask - pmc->from, LONGEST - 1) + 1);
	event->hw.interrupts = 0;
	event->pmu->start(event, PERF_EF_RELOAD);
}

int hv_pmc_start(struct hv_pmc *pmc)
{
	struct perf_counter *c = pmc->host;

	if (!c || !is_here(c->event))
		return -EAGAIN;
	if (pmc->overflow_reported || value_of(c) != pmc->value)
		set_value(c);
	pmc->counter = 1;
	hlist_add_head(&c->started, this_cpu_ptr(&started_here));
	return 0;
}

void hv_pmc_stop(struct hv_pmc *pmc)
{
	struct perf_counter *c = pmc->host;

	if (!pmc->counter)
		return;
	pmc->value = value_of(c);
	report_overflow(c);
	hlist_del(&c->started);
	pmc->counter = 0;
}

u64 hv_pmc_read(const struct hv_pmc *pmc)
{
	return pmc->counter ? value_of(pmc->host) : pmc->value;
}

/* ---- events -------------------------------------------------------------------------------- */

#define EVENT_TYPE         GENMASK(19, 16)
#define EVENT_CODE         GENMASK(15, 0)
#define EVENT_CACHE_ID     GENMASK(15, 3)
#define EVENT_CACHE_OP     GENMASK(2, 1)
#define EVENT_CACHE_RESULT BIT(0)

#define TYPE_HW     0
#define TYPE_CACHE  1
#define TYPE_RAW    2
#define TYPE_RAW_V2 3

#define RAW_BITS 48 /* higher bits of a raw config mean other things to perf */

/* Translate an event of SBI §11 into perf's. Returns false if perf has none. */
static bool find_event(const struct hv_pmc *pmc, struct perf_event_attr *attr)
{
	unsigned long code = FIELD_GET(EVENT_CODE, pmc->event);

	switch (FIELD_GET(EVENT_TYPE, pmc->event)) {
	case TYPE_HW: /* in perf's order, but from 1 */
		attr->type = PERF_TYPE_HARDWARE;
		attr->config = code - 1;
		return code && code <= PERF_COUNT_HW_MAX;
	case TYPE_CACHE:
		attr->type = PERF_TYPE_HW_CACHE;
		attr->config = FIELD_GET(EVENT_CACHE_ID, code) |
			       FIELD_GET(EVENT_CACHE_OP, code) << 8 |
			       FIELD_GET(EVENT_CACHE_RESULT, code) << 16;
		return FIELD_GET(EVENT_CACHE_ID, code) < PERF_COUNT_HW_CACHE_MAX;
	case TYPE_RAW:
	case TYPE_RAW_V2:
		attr->type = PERF_TYPE_RAW;
		attr->config = pmc->data;
		return !code && !(pmc->data >> RAW_BITS);
	default:
		return false;
	}
}

/* The event is pinned: perf must not let it take turns with others. */
static struct perf_event *create_event(const struct hv_pmc *pmc, struct perf_counter *c)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.config1 = RISCV_PMU_CONFIG1_GUEST_EVENTS,
		.sample_period = LONGEST,
		.pinned = 1,
		.exclude_host = 1,
		.exclude_hv = 1,
		.exclude_user = !!(pmc->inhibit & HV_PMC_NOT_IN_VU),
		.exclude_kernel = !!(pmc->inhibit & HV_PMC_NOT_IN_VS),
	};

	if (!find_event(pmc, &attr))
		return ERR_PTR(-ENOENT);
	return perf_event_create_kernel_counter(&attr, -1, current, overflowed, c);
}

/*
 * Return true if a second counter for the same event counts. QEMU has only one counter per event:
 * the value of a second one would not change, and the guest that uses it would take that value for
 * the true count. (The period is set because QEMU reports the next overflow of a counter late if the
 * counter had perf's longest one before.)
 */
static bool second_counts(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_HARDWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_HW_INSTRUCTIONS,
		.sample_period = LONGEST,
		.pinned = 1,
	};
	struct perf_event *event[2];
	bool counts = true;
	u64 times[2];
	int i;

	for (i = 0; i < 2; i++)
		event[i] = perf_event_create_kernel_counter(&attr, -1, current, NULL, NULL);
	if (!IS_ERR(event[0]) && !IS_ERR(event[1]))
		counts = perf_event_read_value(event[1], &times[0], &times[1]) ||
			 !times[1]; /* it had no counter: assume that it would have counted */
	for (i = 0; i < 2; i++)
		if (!IS_ERR(event[i]))
			perf_event_release_kernel(event[i]);
	return counts;
}

/* ---- counters of a thread: the functions below are called outside the core -------------------- */

#define BUCKET_BITS 6

/* The prepared counters, by thread. */
static struct bucket {
	struct mutex mutex;
	struct hlist_head counters;
} prepared[1 << BUCKET_BITS];

static bool one_per_event; /* written before a counter is prepared */

static struct bucket *bucket_of(const struct task_struct *thread)
{
	return &prepared[hash_ptr(thread, BUCKET_BITS)];
}

void pmu_init(void)
{
	unsigned int width;
	int i;

	for (i = 0; i < ARRAY_SIZE(prepared); i++)
		mutex_init(&prepared[i].mutex);
	one_per_event = hv_pmu_counters(&width) && !second_counts();
}

/*
 * Disable the calling thread's counters that are not started, because they may occupy the counter of
 * the hart that `pmc` needs: those of other vCPUs, and those that the guest has stopped. Returns false
 * if a started one is in the way.
 */
static bool make_room(const struct hv_pmc *pmc, struct bucket *bucket)
{
	struct perf_counter *c;

	hlist_for_each_entry(c, &bucket->counters, link) {
		if (c->event->hw.target != current || c->pmc == pmc)
			continue;
		if (!c->pmc->counter)
			perf_event_disable(c->event);
		else if (one_per_event && c->pmc->event == pmc->event)
			return false;
	}
	return true;
}

static int event_create(struct hv_pmc *pmc, struct bucket *bucket)
{
	struct perf_counter *c = kzalloc(sizeof(*c), GFP_KERNEL_ACCOUNT);
	int err;

	if (!c)
		return -ENOMEM;
	c->pmc = pmc;
	c->event = create_event(pmc, c);
	if (IS_ERR(c->event)) {
		err = PTR_ERR(c->event);
		kfree(c);
		return err == -ENOMEM ? err : -ENOENT;
	}
	hlist_add_head(&c->link, &bucket->counters);
	pmc->overflow_reported = true; /* the first start has to set the value */
	pmc->host = c;
	return 0;
}

/* perf_event_release_kernel() returns only when overflowed() is not running. */
static void drop(struct hv_pmc *pmc)
{
	struct perf_counter *c = pmc->host;
	struct bucket *bucket = bucket_of(c->event->hw.target);

	pmc->host = NULL;
	mutex_lock(&bucket->mutex);
	hlist_del(&c->link);
	mutex_unlock(&bucket->mutex);
	perf_event_release_kernel(c->event);
	kfree(c);
}

/*
 * perf tries to give the event a counter of the hart before it returns from creating or enabling it.
 * is_here() tells whether it has.
 */
static int prepare(struct hv_pmc *pmc)
{
	struct perf_counter *c = pmc->host;
	struct bucket *bucket = bucket_of(current);
	int err = 0;

	if (c && c->event->hw.target != current) {
		drop(pmc);
		c = NULL;
	}
	mutex_lock(&bucket->mutex);
	if (!make_room(pmc, bucket))
		err = -ENOENT;
	else if (!c)
		err = event_create(pmc, bucket);
	else
		perf_event_enable(c->event);
	mutex_unlock(&bucket->mutex);
	return err;
}

int hv_pmc_prepare(struct hv_pmc *pmc)
{
	struct perf_counter *c = pmc->host;
	int err;

	if (c && is_here(c->event))
		return 0;
	leave_core();
	err = prepare(pmc);
	enter_core();
	if (err)
		return err;
	c = pmc->host;
	return is_here(c->event) ? 0 : -ENOENT;
}

void hv_pmc_release(struct hv_pmc *pmc)
{
	if (!pmc->host)
		return;
	leave_core();
	drop(pmc);
	enter_core();
}
