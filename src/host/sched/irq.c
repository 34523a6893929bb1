// SPDX-License-Identifier: MIT
/*
 * irq.c - the sources of interrupts, their handlers, and the harts that serve them.
 *
 * A source that no controller can deliver is polled by a timer, with a line in the log if there is
 * a controller. Of two devices with one interrupt, the second is polled. Lock: register_lock for
 * the table, which only grows; then the source's own lock.
 */
#include "irq.h"
#include <linux/errno.h>
#include "clock.h"
#include "hv/csr.h"
#include "lib/printk.h"
#include "platform/fdt.h"
#include "smp.h"

#define POLL_NS 1000000

const struct irq_chip *irq_chip;

static struct irq_source sources[IRQ_SOURCES];
static unsigned int nr_sources;
static struct spinlock register_lock;
static struct hv_timer poll_timer;

void irq_chip_set(const struct irq_chip *chip)
{
	irq_chip = chip;
	csr_set(sie, BIT(IRQ_S_EXT));
}

void irq_hart_init(void)
{
	if (irq_chip && irq_chip->hart_init())
		csr_set(sie, BIT(IRQ_S_EXT));
}

void irq_handle_external(void)
{
	irq_chip->take();
}

struct irq_source *irq_source(unsigned int index)
{
	return index < __atomic_load_n(&nr_sources, __ATOMIC_ACQUIRE) ? &sources[index] : NULL;
}

struct irq_source *irq_source_numbered(int controller, u32 number)
{
	struct irq_source *s;
	unsigned int i;

	for (i = 0; (s = irq_source(i)); i++)
		if (s->number == number && s->controller == controller && !s->polled)
			return s;
	return NULL;
}

unsigned int irq_index(const struct irq_source *s)
{
	return (unsigned int)(s - sources);
}

void irq_serve(struct irq_source *s)
{
	s->count[this_hart()]++;
	spin_lock(&s->lock);
	s->fn(s->arg);
	spin_unlock(&s->lock);
}

static void poll_all(struct hv_timer *timer)
{
	struct irq_source *s;
	bool any = false;
	unsigned int i;

	for (i = 0; (s = irq_source(i)); i++)
		if (s->polled) {
			any = true;
			irq_serve(s);
		}
	if (any)
		hv_timer_start(timer, hv_time() + ns_to_ticks(POLL_NS));
}

/* Route the source to the given hart, or to the next that can serve it, instead of polling it. */
static bool route(struct irq_source *s, unsigned int first)
{
	struct irq_source *same = irq_source_numbered(s->controller, s->number);
	bool polled = s->polled;
	unsigned int i, hart;

	if (!irq_chip || !s->number || (same && same != s))
		return false;
	s->polled = false; /* before an interrupt can arrive on another hart */
	for (i = 0; i < nr_harts; i++) {
		hart = (first + i) % nr_harts;
		if (irq_chip->route(s, hart)) {
			s->hart = hart;
			return true;
		}
	}
	s->polled = polled;
	return false;
}

int irq_register(int node, const char *name, void (*fn)(void *arg), void *arg)
{
	struct fdt_interrupt irq;
	struct irq_source *s;

	if (!fdt_interrupt(node, irq_chip ? irq_chip->node : -1, &irq))
		return -EINVAL;
	spin_lock(&register_lock);
	if (nr_sources == IRQ_SOURCES) {
		spin_unlock(&register_lock);
		return -ENOSPC;
	}
	s = &sources[nr_sources];
	s->controller = irq.controller;
	s->number = irq.number;
	s->sense = irq.sense;
	s->name = name;
	s->fn = fn;
	s->arg = arg;
	s->hart = this_hart();
	s->polled = true;
	/* Release: the source is complete before an interrupt can find it. */
	__atomic_store_n(&nr_sources, nr_sources + 1, __ATOMIC_RELEASE);
	if (!route(s, irq_index(s))) {
		if (!poll_timer.fn)
			hv_timer_init(&poll_timer, poll_all);
		hv_timer_start(&poll_timer, hv_time() + ns_to_ticks(POLL_NS));
	}
	spin_unlock(&register_lock);
	return 0;
}

/*
 * No interrupt of a source is being served meanwhile: this is the hart that serves them all, and it
 * is here. The PLIC relies on this, because it ignores the completion of a source that has moved.
 */
void irq_spread(void)
{
	struct irq_source *s;
	unsigned int i;

	spin_lock(&register_lock);
	for (i = 0; (s = irq_source(i)); i++) {
		BUG_ON(s->hart != this_hart());
		if (!route(s, i) && s->polled && irq_chip)
			printk("host: %s is polled: its interrupt does not reach the %s, or "
			       "another device has the same one\n",
			       s->name, irq_chip->name);
	}
	spin_unlock(&register_lock);
}
