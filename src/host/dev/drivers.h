// SPDX-License-Identifier: MIT
/* drivers.h - start and end of the host's devices, as the device tree names them. */
#ifndef HOST_DRIVERS_H
#define HOST_DRIVERS_H

#include "hv/types.h"

/* On the first hart, with memory, threads and clock ready: PLIC, RTC, virtio devices. */
void drivers_init(void);
/* Before power-off: what programs wrote leaves the machine. Bounded when nobody takes it. */
void channel_flush(void);

/* The parts, for drivers.c. */
void plic_init(void);
void rtc_init(void);
void virtio_init(void);
/* Registers of a device: the linear map covers low memory-mapped I/O. */
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
