// SPDX-License-Identifier: MIT
/* host_pmu.h - the performance counters that the host lends to the core; a part of hv/host.h. */
#ifndef HV_HOST_PMU_H
#define HV_HOST_PMU_H

#include "hv/host.h"

/*
 * A hart's counter, lent to the core to count one event of the guest that runs on the hart. The
 * counter counts only in VS and VU. Each counter is used by one thread, with interrupts off, and is
 * stopped on the hart on which it was started.
 *
 * The thread that runs the guest first prepares the counter, which may sleep and allocate; on Linux,
 * perf then reserves a counter of the hart whenever this thread runs. Starting and stopping do
 * neither, so they can be done when the vCPU is loaded and put, within the host's scheduler. On
 * hosts where this takes no preparation, hv_pmc_prepare() and hv_pmc_release() do nothing.
 */
struct hv_pmc {
	unsigned long event;  /* event_idx of SBI §11: a hardware, cache or raw event */
	u64 data;             /* its event_data */
	unsigned int inhibit; /* HV_PMC_NOT_IN_*: guest modes that are not counted */
	u64 value;            /* the counter's value while it is stopped */
	/*
	 * Called when the counter has overflowed, at most once after each start: from an interrupt
	 * on the hart, hv_handle_interrupt() or hv_pmc_stop(). Must not sleep.
	 */
	void (*overflow)(struct hv_pmc *pmc);
	u64 from;               /* the host's: the value at the start */
	unsigned int counter;   /* the host's: number of the hart's counter; 0: stopped */
	bool overflow_reported; /* the host's: overflow() was called since the start */
	void *host;             /* the host's, from hv_pmc_prepare() to hv_pmc_release(); initially
				 * NULL */
};

#define HV_PMC_NOT_IN_VU BIT(0)
#define HV_PMC_NOT_IN_VS BIT(1)

/*
 * Return the number of counters of each hart that can distinguish a guest from its host (0: none);
 * *width receives the width, in bits, of the narrowest.
 */
unsigned int hv_pmu_counters(unsigned int *width);
/*
 * Prepare the counter for the calling thread. The thread may lose its other prepared counters that are
 * not started, so start each counter before you prepare the next. If the counter was prepared for
 * another thread, that thread loses it. Costs little if the thread has the counter already. Returns
 * -ENOENT if this hart cannot count the event or has no free counter for it, or -ENOMEM. The counter
 * must be released also after a failure. May sleep.
 */
int hv_pmc_prepare(struct hv_pmc *pmc);
/*
 * Undo hv_pmc_prepare(). Call this before the event, its data or `inhibit` changes, and before the
 * counter's memory is freed. The counter must be stopped. Any thread may call this. Does nothing if
 * the counter is not prepared. May sleep.
 */
void hv_pmc_release(struct hv_pmc *pmc);
/*
 * Start a stopped counter at `value`. Returns -ENOENT if this hart has no free counter for the event,
 * or -EAGAIN if the counter has to be prepared first, because the thread does not have it, or the
 * host has needed the hart's counter for itself.
 */
int hv_pmc_start(struct hv_pmc *pmc);
void hv_pmc_stop(struct hv_pmc *pmc); /* does nothing if the counter is stopped */
u64 hv_pmc_read(const struct hv_pmc *pmc);

#endif
