// SPDX-License-Identifier: MIT
/* drivers.c - start the devices in order, and flush the virtio console's ports at the end. */
#include "drivers.h"
#include "lib/printk.h"
#include "sched/clock.h"
#include "sched/smp.h"
#include "port.h"
#include "tty.h"

#define FLUSH_PATIENCE_NS 30000000000ULL /* without progress */

void interrupts_init(void)
{
	sswi_init();
	if (!aplic_init() && !plic_init())
		printk("host: no usable interrupt controller: devices are polled\n");
}

void drivers_init(void)
{
	interrupts_init();
	rtc_init();
	virtio_init();
	console_init();
}

void channel_flush(void)
{
	ports_flush(ns_to_ticks(FLUSH_PATIENCE_NS));
}
