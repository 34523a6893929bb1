// SPDX-License-Identifier: MIT
/*
 * host_pmu.c - a model of hv/host.h's performance counters.
 *
 * A test sets the number of counters per hart. The counters count the events that the test reports
 * with native_pmu_happen(). As on hardware, an overflow is reported by an interrupt or, after
 * native_pmu_late(true), is noticed only when the counter is stopped.
 */
#include <errno.h>
#include "native.h"
#include "native_host.h"

#define MAX_COUNTERS 29

static struct hv_pmc *lent[HV_MAX_HARTS][MAX_COUNTERS];
static unsigned int nr_counters, counter_width;
static bool late;

void native_pmu_set(unsigned int counters, unsigned int width)
{
	nr_counters = counters;
	counter_width = width;
}

void native_pmu_late(bool on)
{
	late = on;
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

int hv_pmc_start(struct hv_pmc *pmc)
{
	unsigned int i;

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
