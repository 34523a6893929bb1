// SPDX-License-Identifier: MIT
/*
 * rtc.c - the date, from a goldfish RTC.
 *
 * Two registers hold the nanoseconds since 1970. Reading the low half latches the high one.
 */
#include "sched/clock.h"
#include "drivers.h"
#include "platform/fdt.h"
#include "mm/page.h"

#define RTC_TIME_LOW  0x0
#define RTC_TIME_HIGH 0x4

void rtc_init(void)
{
	int node = fdt_next_compatible(-1, "google,goldfish-rtc");
	unsigned long regs;
	u64 now;
	hpa_t pa;

	if (node < 0 || !fdt_reg(node, 0, &pa, NULL))
		return;
	regs = (unsigned long)pa_to_va(pa);
	now = mmio_read32(regs, RTC_TIME_LOW);
	now |= (u64)mmio_read32(regs, RTC_TIME_HIGH) << 32;
	boot_realtime_ns = now - clock_monotonic_ns();
}
