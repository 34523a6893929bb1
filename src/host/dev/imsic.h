// SPDX-License-Identifier: MIT
/* imsic.h - the IMSICs, for the APLIC that sends MSIs to them. */
#ifndef HOST_IMSIC_H
#define HOST_IMSIC_H

#include "sched/irq.h"
#include "sched/smp.h"

/* Find the IMSICs, and start the first hart's. Returns their node, or -1 if they cannot be used. */
int imsic_init(void);
bool imsic_hart_init(void); /* start this hart's interrupt file; false: it cannot be used */
/* Return the number by which an APLIC knows the hart's file, or -1 if the hart has none. */
int imsic_hart_index(unsigned int hart);
u32 imsic_source_id(const struct irq_source *s); /* the source's identity, on every hart */
/*
 * Serve all interrupts that are pending in this hart's file, and call served() after each source.
 */
void imsic_take(void (*served)(const struct irq_source *s));

extern const struct ipi_method imsic_ipis;

#endif
