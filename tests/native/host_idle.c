// SPDX-License-Identifier: MIT
/*
 * host_idle.c - let a hart idle with its vCPU loaded or wait busily, and kick several harts.
 *
 * Harts idle only in tests that set native_idle_due, and only while no thread waits for a hart. The
 * thread that makes the vCPU's condition true has to kick the hart; the kick may be late.
 */
#include <sched.h>
#include <time.h>
#include "native.h"

#define LOOKS_AT_ONCE 1000
#define PATIENCE      10000 /* checks, a millisecond apart */

unsigned int hv_hartmask_words = ARRAY_SIZE(((struct hv_hartmask *)NULL)->word);
u32 native_kick_calls, native_single_wakes;

void hv_harts_kick(const struct hv_hartmask *harts)
{
	unsigned int hart;

	__atomic_fetch_add(&native_kick_calls, 1, __ATOMIC_RELAXED);
	hartmask_for_each(hart, harts)
		hv_hart_kick(hart);
}

void hv_cpu_relax(void)
{
	sched_yield();
}

bool (*native_idle_due)(void);

u32 native_hart_queued;

bool hv_hart_wanted(void)
{
	return __atomic_load_n(&native_hart_queued, __ATOMIC_SEQ_CST) || hv_resched_needed();
}

static void nap(unsigned int looks)
{
	const struct timespec ms = { .tv_nsec = 1000000 };

	if (looks < LOOKS_AT_ONCE)
		sched_yield();
	else
		nanosleep(&ms, NULL);
}

bool hv_idle(void)
{
	unsigned int looks = 0, overdue = 0;

	if (!native_idle_due)
		return false;
	while (!native_kicked(hv_hart()) && !hv_signal_pending()) {
		if (hv_resched_needed())
			return false;
		overdue = native_idle_due() ? overdue + 1 : 0;
		if (overdue == LOOKS_AT_ONCE + PATIENCE) {
			__atomic_fetch_add(&native_missed_wakes, 1, __ATOMIC_RELAXED);
			break;
		}
		nap(looks++);
	}
	return true;
}
