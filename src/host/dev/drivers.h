// SPDX-License-Identifier: MIT
/* drivers.h - start the devices in the device tree, and flush their output before power-off. */
#ifndef HOST_DRIVERS_H
#define HOST_DRIVERS_H

#include "hv/types.h"

/*
 * Start the PLIC, the RTC, virtio devices and the console. Runs on the first hart, once memory,
 * threads and the clock are ready.
 */
void drivers_init(void);
/* Before power-off, wait until the programs' output has left the machine or is no longer read. */
void channel_flush(void);

/* Called by drivers.c. */
void plic_init(void);
void rtc_init(void);
void virtio_init(void);
/*
 * Access device registers through the linear map, which also covers the memory-mapped I/O at low
 * addresses.
 */
static inline u32 mmio_read32(unsigned long base, unsigned long offset)
{
	u32 value = *(volatile u32 *)(base + offset);

	__asm__ volatile("fence i, ir" ::: "memory");
	return value;
}

static inline void mmio_write32(unsigned long base, unsigned long offset, u32 value)
{
	__asm__ volatile("fence w, o" ::: "memory");
	*(volatile u32 *)(base + offset) = value;
}

#endif
