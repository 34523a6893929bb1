/* SPDX-License-Identifier: MIT */
/*
 * irqchip.h - the machine's interrupt controller as a hart in S mode sees it: a PLIC, or an APLIC
 * that sends MSIs to one IMSIC per hart.
 *
 * The sources are those of the device tree, 1 to 31, and active while their line is high. With an
 * AIA, a source's interrupt identity is its number. Not for a bare machine with an AIA, whose
 * device tree has the controllers of M mode, too.
 */
#ifndef GUEST_IRQCHIP_H
#define GUEST_IRQCHIP_H

#include "rt.h"

#define APLIC_SETIPNUM \
	0x2000 /* a store of a source's number makes it pending if its line is high */

/* The controller that irqchip_find() has found. */
struct irqchip {
	unsigned long base;   /* the registers of the PLIC or of the APLIC */
	unsigned long imsics; /* the page of the first hart's IMSIC, or 0 if there is a PLIC */
};

/* Returns false if there is no interrupt controller. */
bool irqchip_find(struct irqchip *chip);
/*
 * Let only the sources in `sources` (bit n is source n) interrupt this hart. Bails out if there is
 * no interrupt controller. irq_claim() and irq_complete() are for the hart that called this last.
 */
void irqchip_open(u32 sources);
u32 irq_claim(void); /* the source to serve, which is now in service, or 0 */
/* Let the source interrupt again, also if its line is still high. */
void irq_complete(u32 source);
/* Let only the identities in `ids` interrupt this hart: bit n is identity n, 1 to 63. */
void imsic_open(unsigned long ids);

/* The page of a hart's IMSIC: a store of an identity to it is an MSI. There must be an AIA. */
static inline unsigned long imsic_page(const struct irqchip *chip, unsigned long hart)
{
	return chip->imsics + hart * PAGE_SIZE;
}

/* The address of this hart's claim register, for a PLIC that irqchip_open() has found. */
unsigned long plic_claim(void);

#endif
