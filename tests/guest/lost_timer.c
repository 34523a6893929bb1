// SPDX-License-Identifier: MIT
/*
 * lost_timer.c - count the timers, set through SBI set_timer, that the host loses when it schedules
 * the vCPU out before the call has returned to the guest (docs/lost-timer.md).
 *
 * Requires two vCPUs on one hart. The second one computes, so the host schedules the first one out
 * at the end of each time slice, almost always in one of its SBI calls, because it does little else.
 * A timer counts as lost only after POLLS loads of sip by the guest, so a slow host loses none.
 *
 * Boot argument ms=N: set timers for N ms.
 */
#include "rt.h"

#define POLLS 1000
#define NEVER (~0UL)

static unsigned long set, lost, kept;

static void compute(unsigned long arg)
{
	(void)arg;
	for (;;)
		;
}

static bool timer_becomes(bool pending)
{
	unsigned long i;

	for (i = 0; i < POLLS; i++)
		if (!(csr_read(sip) & BIT(IRQ_S_TIMER)) != pending)
			return true;
	return false;
}

/* Cancel the timer, and set it to a time in the past. Each call has to replace the one before. */
static void set_one(void)
{
	sbi_set_timer(NEVER);
	kept += !timer_becomes(false);
	sbi_set_timer(0);
	set++;
	if (timer_becomes(true))
		return;
	if (!lost++ && has_sstc())
		note("after set_timer(0), stimecmp is 0x%lx", csr_read(stimecmp));
}

void payload_main(void)
{
	unsigned long end;

	if (nr_harts < 2) {
		skip("no timer is lost", "only one vCPU (use --vcpus 2)");
		done();
	}
	hart_need(1);
	hart_run(1, compute, 0);
	end = now() + us_to_ticks(1000 * boot_number("ms", 1000));
	while (now() < end)
		set_one();
	note("%lu of %lu timers were lost, and %lu were not cancelled", lost, set, kept);
	ok_eq(lost, 0, "no timer that the guest sets is lost");
	ok_eq(kept, 0, "no timer that the guest cancels stays pending");
	done();
}
