// SPDX-License-Identifier: MIT
/*
 * irq.h - device interrupts: numbers are sources of the platform's PLIC.
 *
 * Handlers run with interrupts off on the hart that claimed, which may hold no lock then
 * (the host takes interrupts only where no lock is held): they may take spinlocks and
 * wake threads, not sleep.
 */
#ifndef HOST_IRQ_H
#define HOST_IRQ_H

#include "hv/types.h"

/* -EINVAL, -EBUSY: the number. Without an interrupt controller the handler is polled. */
int irq_register(unsigned int irq, void (*fn)(void *arg), void *arg);
/* From trap.c: scause says supervisor external interrupt. */
void irq_handle_external(void);

#endif
