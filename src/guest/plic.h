/* SPDX-License-Identifier: MIT */
/* plic.h - the interrupt controller as a hart in S mode sees it (RISC-V PLIC specification). */
#ifndef GUEST_PLIC_H
#define GUEST_PLIC_H

#include "rt.h"

#define PLIC_PENDING 0x1000

/*
 * What interrupts this hart from now on: bit n is source n, all others do not. The address of the hart's
 * claim register. The payload ends where there is no PLIC.
 */
unsigned long plic_open(u32 irqs);

#endif
