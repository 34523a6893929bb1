// SPDX-License-Identifier: MIT
/* drivers.h - start devices, access their registers, and flush port output before power-off. */
#ifndef HOST_DRIVERS_H
#define HOST_DRIVERS_H

#include "hv/types.h"

/*
 * Start the interrupt controller, the RTC, virtio devices and the console. Runs on the first hart, once memory,
 * threads and the clock are ready.
 */
void drivers_init(void);
/* Flush the ports before power-off. Give up after 30 s without progress (see ports_flush()). */
void channel_flush(void);

/*
 * Choose the controller of devices' interrupts. Runs on the first hart. Called by drivers_init().
 */
void interrupts_init(void);

/* Called by drivers.c. */
void rtc_init(void);
void virtio_init(void);
void imsic_init(void);
void imsic_hart_init(void);
bool plic_init(void); /* false: it cannot be used */

/*
 * Access device registers. base is a virtual address in the linear map, which also covers the
 * devices at physical addresses below LINEAR_SIZE.
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
