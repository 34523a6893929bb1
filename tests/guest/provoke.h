// SPDX-License-Identifier: MIT
/*
 * provoke.h - provoke exits of several kinds, on one hart or on all at once, for payloads that
 * check what exits preserve.
 */
#ifndef GUEST_TEST_PROVOKE_H
#define GUEST_TEST_PROVOKE_H

#include "rt.h"

static unsigned long uart; /* set by payload_main(); 0: no UART, so no MMIO */

static void one_sbi(void)
{
	sbi_call(SBI_EXT_BASE, SBI_BASE_GET_SPEC_VERSION, 0, 0, 0);
}

static void one_mmio(void)
{
	if (uart)
		(void)*(volatile u8 *)(uart + 5);
}

static void one_sleep(void)
{
	wait_irq(0, 500);
}

static void illegal(unsigned long arg)
{
	(void)arg;
	__asm__ volatile(".word 0xffffffff");
}

static void one_illegal(void)
{
	catch_trap(illegal, 0);
}

/* Return untouched memory, 2 MiB further at each call: its first use causes a G-stage fault. */
static u8 *fresh_page(void)
{
	static unsigned long next;

	if (!next)
		next = ALIGN_UP((unsigned long)_end, SZ_2M) + 8 * SZ_2M;
	next += SZ_2M;
	return (u8 *)(next - SZ_2M);
}

/* Depending on the round, make an SBI call, an MMIO access or a WFI, or spin for 300 us. */
static void one_by_turns(unsigned long round)
{
	if (round % 4 == 1)
		one_sbi();
	else if (round % 4 == 2)
		one_mmio();
	else if (round % 4 == 3)
		one_sleep();
	else
		delay_us(300);
}

/* The time at which loop(n) on each hart n has to end, and its results. */
static unsigned long loop_end, loop_bad[MAX_HARTS], loop_rounds[MAX_HARTS];

/*
 * Run loop(n) on each hart n for `ms` ms, and return the number of harts that ran it. *bad is the
 * sum of loop_bad[] plus the number of these harts that hang.
 */
static int loop_together(void (*loop)(unsigned long n), unsigned long ms, unsigned long *bad)
{
	int i, started = 0;

	*bad = 0;
	for (i = 1; i < nr_harts; i++)
		started += hart_start(i) == 0;
	loop_end = now() + us_to_ticks(ms * 1000);
	for (i = 1; i <= started; i++)
		hart_run(i, loop, (unsigned long)i);
	loop(0);
	for (i = 1; i <= started; i++)
		*bad += !hart_wait(i, 20000);
	for (i = 0; i <= started; i++) {
		*bad += loop_bad[i];
		note("hart %lu: %lu rounds, %lu bad", harts[i].id, loop_rounds[i], loop_bad[i]);
	}
	return started + 1;
}

#endif
