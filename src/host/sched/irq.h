// SPDX-License-Identifier: MIT
/*
 * irq.h - device interrupts, identified by their source numbers at the platform's PLIC.
 *
 * A handler runs with interrupts off on the hart that claimed the interrupt. The host takes
 * interrupts only where no spinlock is held, so a handler may take spinlocks and wake threads, but
 * it must not sleep.
 */
#ifndef HOST_IRQ_H
#define HOST_IRQ_H

#include "hv/types.h"

/*
 * Make fn the handler of the irq. Returns -EINVAL if the irq is 0 or too large, or -EBUSY if it
 * already has a handler. Without an interrupt controller, fn is polled.
 */
int irq_register(unsigned int irq, void (*fn)(void *arg), void *arg);
/* Called by trap.c for a supervisor external interrupt. */
void irq_handle_external(void);

#endif
