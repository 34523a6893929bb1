// SPDX-License-Identifier: MIT
/*
 * lab13.c - wake a sleeping vCPU at each moment of its way to sleep (lab 13)
 *
 * Hart 1 sleeps in WFI, without a timer, and acknowledges each IPI. Hart 0 sends the next IPI after a
 * delay that grows from 0 to LONGEST in small steps, so that some of the IPIs arrive while the host puts
 * hart 1's thread to sleep. rounds=N is the number of IPIs (40000).
 */
#include "rt.h"

#define LONGEST  2000 /* loops of the delay */
#define LOST_MS  1000UL
#define LOST_MAX 3

static volatile unsigned long sent, taken;
static volatile bool ready, stop;

static void sleeper(unsigned long arg)
{
	(void)arg;
	ipi_clear();
	csr_write(sie, BIT(IRQ_S_SOFT));
	ready = true; /* the IPI of hart_run() has been cleared */
	while (!stop) {
		wfi();
		ipi_clear();
		taken = sent;
	}
}

/* Returns false if hart 1 has not taken the IPI in LOST_MS. */
static bool wake(unsigned long n)
{
	unsigned long deadline;

	sent = n;
	sbi_call(SBI_EXT_IPI, 0, 1UL << harts[1].id, 0, 0);
	deadline = csr_read(time) + LOST_MS * (timebase() / 1000);
	while (taken != n)
		if (csr_read(time) > deadline)
			return false;
	return true;
}

void payload_main(void)
{
	unsigned long rounds = boot_number("rounds", 40000), n, lost = 0, i;

	hart_need(1);
	hart_run(1, sleeper, 0);
	while (!ready)
		;
	for (n = 1; n <= rounds && lost < LOST_MAX; n++) {
		lost += !wake(n);
		for (i = n * 7 % LONGEST; i; i--)
			__asm__ volatile("nop");
	}
	ok_eq(lost, 0, "each of %lu IPIs wakes the other vCPU", rounds);
	stop = true;
	wake(n);
	done();
}
