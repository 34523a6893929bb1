// SPDX-License-Identifier: MIT
/*
 * host_pmu.c - a model of the harts' performance counters (hv/host_pmu.h).
 *
 * A test sets the number of counters per hart. The counters count the events that the test reports
 * with native_pmu_happen(). As on hardware, an overflow is reported by an interrupt or, after
 * native_pmu_late(true), is noticed only when the counter is stopped.
 *
 * A counter can be prepared, for one thread. As on the bare-metal host, it can also be started without
 * that, unless native_pmu_owned(true) has been called: then, as on Linux, only the thread for which it
 * is prepared can start it. A counter must not be started or freed with what was prepared for another
 * event.
 */
#include <errno.h>
#include <pthread.h>
#include "hv/host_pmu.h"
#include "native.h"
#include "native_host.h"

#define MAX_COUNTERS 29

static struct hv_pmc *lent[HV_MAX_HARTS][MAX_COUNTERS];
static unsigned int nr_counters, counter_width;
static bool late, owned;

/* What hv_pmc_prepare() has prepared. */
struct prepared {
	pthread_t thread;
	unsigned long event;
	u64 data;
	unsigned int inhibit;
};

static unsigned int nr_prepared;

void native_pmu_set(unsigned int counters, unsigned int width)
{
	nr_counters = counters;
	counter_width = width;
}

void native_pmu_late(bool on)
{
	late = on;
}

void native_pmu_owned(bool on)
{
	owned = on;
}

unsigned int native_pmu_prepared(void)
{
	return __atomic_load_n(&nr_prepared, __ATOMIC_RELAXED);
}

unsigned int native_pmu_lent(unsigned int hart)
{
	unsigned int i, n = 0;

	for (i = 0; i < nr_counters; i++)
		n += lent[hart][i] != NULL;
	return n;
}

void native_pmu_reset(void)
{
	unsigned int hart, i;

	native_pmu_set(0, 64);
	late = false;
	owned = false;
	nr_prepared = 0;
	for (hart = 0; hart < HV_MAX_HARTS; hart++) {
		for (i = 0; i < MAX_COUNTERS; i++)
			lent[hart][i] = NULL;
	}
}

unsigned int hv_pmu_counters(unsigned int *width)
{
	*width = counter_width;
	return nr_counters;
}

static u64 mask(void)
{
	return ~0ULL >> (64 - counter_width);
}

/*
 * Return whether the model counts the event: cycles, instructions, one cache event or any raw
 * event.
 */
static bool is_known(unsigned long event)
{
	return event == SBI_PMU_HW_CYCLES || event == SBI_PMU_HW_INSTRUCTIONS ||
	       event == NATIVE_PMU_CACHE ||
	       FIELD_GET(SBI_PMU_EVENT_TYPE, event) == SBI_PMU_TYPE_RAW;
}

static bool is_mine(const struct prepared *p)
{
	return p && pthread_equal(p->thread, pthread_self());
}

static void may_sleep(void)
{
	if (native_in_hook)
		hv_panic("native PMU: the scheduler's hook prepares or releases a counter\n");
}

int hv_pmc_prepare(struct hv_pmc *pmc)
{
	struct prepared *p = pmc->host;

	may_sleep();
	if (is_mine(p))
		return 0;
	hv_pmc_release(pmc);
	if (!is_known(pmc->event) || !nr_counters)
		return -ENOENT;
	p = hv_alloc(sizeof(*p));
	if (!p)
		return -ENOMEM;
	*p = (struct prepared){ pthread_self(), pmc->event, pmc->data, pmc->inhibit };
	__atomic_fetch_add(&nr_prepared, 1, __ATOMIC_RELAXED);
	pmc->host = p;
	return 0;
}

void hv_pmc_release(struct hv_pmc *pmc)
{
	may_sleep();
	if (pmc->counter)
		hv_panic("native PMU: a started counter is released\n");
	if (!pmc->host)
		return;
	hv_free(pmc->host);
	pmc->host = NULL;
	__atomic_fetch_sub(&nr_prepared, 1, __ATOMIC_RELAXED);
}

static void check_prepared(const struct hv_pmc *pmc, const struct prepared *p)
{
	if (p->event != pmc->event || p->data != pmc->data || p->inhibit != pmc->inhibit)
		hv_panic("native PMU: a counter is prepared for another event\n");
}

int hv_pmc_start(struct hv_pmc *pmc)
{
	unsigned int i;

	if (owned && !is_mine(pmc->host))
		return -EAGAIN;
	if (pmc->host)
		check_prepared(pmc, pmc->host);
	if (!is_known(pmc->event))
		return -ENOENT;
	if (pmc->counter)
		hv_panic("native PMU: a counter is started twice\n");
	for (i = 0; i < nr_counters; i++) {
		if (lent[hv_hart()][i])
			continue;
		lent[hv_hart()][i] = pmc;
		pmc->counter = i + 3;
		pmc->from = pmc->value & mask();
		pmc->value = pmc->from;
		pmc->overflow_reported = false;
		return 0;
	}
	return -ENOENT;
}

static void tell(struct hv_pmc *pmc)
{
	if (!pmc->overflow_reported)
		pmc->overflow(pmc);
	pmc->overflow_reported = true;
}

void hv_pmc_stop(struct hv_pmc *pmc)
{
	if (!pmc->counter)
		return;
	if (lent[hv_hart()][pmc->counter - 3] != pmc)
		hv_panic("native PMU: a counter is stopped on another hart\n");
	lent[hv_hart()][pmc->counter - 3] = NULL;
	pmc->counter = 0;
	if (pmc->value < pmc->from)
		tell(pmc);
}

u64 hv_pmc_read(const struct hv_pmc *pmc)
{
	return pmc->value;
}

void native_pmu_happen(unsigned long event, u64 times)
{
	unsigned int i;

	for (i = 0; i < nr_counters; i++) {
		struct hv_pmc *pmc = lent[hv_hart()][i];

		if (!pmc || pmc->event != event)
			continue;
		pmc->value = (pmc->value + times) & mask();
		if (pmc->value < pmc->from && !late)
			tell(pmc);
	}
}
