// SPDX-License-Identifier: MIT
/*
 * irq.h - interrupts of devices, and the hardware that delivers them.
 *
 * A controller (struct irq_chip) is chosen at boot from the device tree: see dev/drivers.c. Each
 * source is served by one hart; irq_spread() gives the harts their shares once all are online. A
 * handler runs with interrupts off on the hart that took the interrupt. The host takes interrupts
 * only where no spinlock is held, so a handler may take spinlocks and wake threads, but it must not
 * sleep. A handler is never called on two harts at the same time.
 */
#ifndef HOST_IRQ_H
#define HOST_IRQ_H

#include "hv/host.h"

#define IRQ_SOURCES 32 /* most sources that can have a handler */

/* How a source signals, as in the second cell of the device tree's interrupt specifiers. */
enum irq_sense {
	IRQ_EDGE_RISING = 1,
	IRQ_EDGE_FALLING = 2,
	IRQ_LEVEL_HIGH = 4,
	IRQ_LEVEL_LOW = 8,
};

struct irq_source {
	int controller; /* the node of the device's interrupt parent */
	u32 number;     /* at the controller */
	enum irq_sense sense;
	const char *name;
	void (*fn)(void *arg);
	void *arg;
	struct spinlock lock; /* held while fn runs */
	bool polled;          /* the controller cannot deliver it: fn is called every millisecond */
	unsigned int hart;    /* that serves it */
	unsigned long count[HV_MAX_HARTS]; /* interrupts that each hart has taken */
};

/* A controller. The functions run with interrupts off. */
struct irq_chip {
	const char *name;
	int node; /* the interrupt parent of devices that name none */
	/*
	 * Prepare this hart for interrupts. False: the hart cannot get any, because the device tree
	 * does not say how. The reason is in the log.
	 */
	bool (*hart_init)(void);
	/*
	 * Deliver the source's interrupts to `hart` from now on, instead of s->hart. Returns false,
	 * with nothing changed, if the hart cannot get them, or if the source is not the chip's.
	 */
	bool (*route)(const struct irq_source *s, unsigned int hart);
	void (*take)(void); /* serve all interrupts that are pending on this hart */
};

/* The current controller, or NULL. */
extern const struct irq_chip *irq_chip;

/* Use this controller; called on the first hart, which has been initialized for it. */
void irq_chip_set(const struct irq_chip *chip);
/*
 * Make fn the handler of the device's first interrupt. `name` is shown in /proc/interrupts and must
 * live forever. If the controller cannot deliver the interrupt, fn is called every millisecond.
 * Returns -EINVAL if the device tree gives the device no interrupt, or -ENOSPC.
 */
int irq_register(int node, const char *name, void (*fn)(void *arg), void *arg);
void irq_hart_init(void); /* each hart but the first */
/*
 * Divide the sources among the online harts, and log those that remain polled. Called on the first
 * hart, when it serves them all.
 */
void irq_spread(void);

/* For controllers. */
struct irq_source *irq_source(unsigned int index); /* in the order of registration, or NULL */
struct irq_source *irq_source_numbered(int controller, u32 number); /* NULL: none */
unsigned int irq_index(const struct irq_source *s);                 /* below IRQ_SOURCES */
void irq_serve(struct irq_source *s);                               /* call the handler */

/* Called for a supervisor external interrupt. */
void irq_handle_external(void);

#endif
