// SPDX-License-Identifier: MIT
/* drivers.h - start devices, access their registers, and flush port output before power-off. */
#ifndef HOST_DRIVERS_H
#define HOST_DRIVERS_H

#include "hv/types.h"

/*
 * Start the interrupt controller, the RTC, virtio devices and the console. Runs on the first hart,
 * once memory, threads and the clock are ready.
 */
void drivers_init(void);
/* Flush the ports before power-off. Give up after 30 s without progress (see ports_flush()). */
void channel_flush(void);

/*
 * Choose the controller of devices' interrupts and the method for interrupts between harts. Runs on
 * the first hart. Called by drivers_init().
 */
void interrupts_init(void);

/* Called by drivers.c. */
void rtc_init(void);
void virtio_init(void);
void sswi_init(void);
bool plic_init(void); /* these two: false if the controller cannot be used */
bool aplic_init(void);

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

/* Like mmio_write32(), but returns false if the address does not accept the store. */
static inline bool mmio_try_write32(unsigned long address, u32 value)
{
	unsigned long done = 0;

	__asm__ volatile("fence w, o\n"
			 "100:	sw %2, 0(%1)\n"
			 "	li %0, 1\n"
			 "101:\n"
			 "	.pushsection __ex_table, \"a\"\n"
			 "	.balign 8\n"
			 "	.quad 100b, 101b\n"
			 "	.popsection"
			 : "+r"(done)
			 : "r"(address), "r"(value)
			 : "memory");
	return done;
}

#endif
