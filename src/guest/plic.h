/* SPDX-License-Identifier: MIT */
/* plic.h - the interrupt controller as a hart in S mode sees it (RISC-V PLIC specification). */
#ifndef GUEST_PLIC_H
#define GUEST_PLIC_H

#include "rt.h"

#define PLIC_PENDING 0x1000

/*
 * Let only the sources in `irqs` (bit n is source n) interrupt this hart. Returns the address of
 * the hart's claim register. Bails out if there is no PLIC.
 */
unsigned long plic_open(u32 irqs);

#endif
