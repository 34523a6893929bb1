// SPDX-License-Identifier: MIT
/*
 * plic.c - let the PLIC interrupt this hart.
 */
#include "plic.h"

#define PRIORITY(irq)    (4 * (irq))
#define ENABLE(context)  (0x2000 + 0x80 * (context))
#define CONTEXT(context) (0x200000 + 0x1000 * (context)) /* its threshold and claim registers */
#define CLAIM            4

unsigned long plic_open(u32 irqs)
{
	unsigned long mine = 2 * this_hart()->id + 1; /* a hart has two contexts: M mode, S mode */
	struct fdt_reg plic;
	int irq;

	if (!fdt_find("riscv,plic0", 0, &plic))
		bail("no PLIC in the device tree");
	for (irq = 1; irq < 32; irq++)
		if (irqs & BIT(irq))
			*(volatile u32 *)(plic.base + PRIORITY(irq)) = 1;
	*(volatile u32 *)(plic.base + ENABLE(mine)) = irqs;
	*(volatile u32 *)(plic.base + CONTEXT(mine)) = 0;
	return plic.base + CONTEXT(mine) + CLAIM;
}
