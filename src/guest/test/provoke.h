// SPDX-License-Identifier: MIT
/*
 * provoke.h - one exit of each kind, for payloads that look at what an exit leaves alone.
 */
#ifndef GUEST_TEST_PROVOKE_H
#define GUEST_TEST_PROVOKE_H

#include "rt.h"

static unsigned long uart; /* set by payload_main(); 0: there is none, and no MMIO */

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

/* Memory that nobody has touched, 2 MiB further each time: its first use is a G-stage fault. */
static u8 *fresh_page(void)
{
	static unsigned long next;

	if (!next)
		next = ALIGN_UP((unsigned long)_end, SZ_2M) + 8 * SZ_2M;
	next += SZ_2M;
	return (u8 *)(next - SZ_2M);
}

#endif
