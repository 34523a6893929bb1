// SPDX-License-Identifier: MIT
/*
 * plic.c - the host's own interrupt controller: the platform's PLIC.
 *
 * All device interrupts go to the first hart's supervisor context. If they went to several harts,
 * all but one would trap only to lose the race for the claim. Without a PLIC (there is no driver
 * for the AIA), a timer calls all handlers every millisecond. Source: PLIC §2 to §9.
 */
#include <linux/errno.h>
#include "sched/clock.h"
#include "drivers.h"
#include "platform/fdt.h"
#include "hv/csr.h"
#include "sched/irq.h"
#include "mm/page.h"
#include "lib/printk.h"
#include "sched/smp.h"

#define PLIC_SOURCES   1024
#define PLIC_PRIORITY  0x0      /* 4 bytes per source */
#define PLIC_ENABLE    0x2000   /* one bit per source, 0x80 bytes per context */
#define PLIC_CONTEXT   0x200000 /* 0x1000 bytes per context */
#define PLIC_THRESHOLD 0x0
#define PLIC_CLAIM     0x4

#define MAX_HANDLERS 128
#define POLL_NS      1000000

static struct {
	void (*fn)(void *arg);
	void *arg;
} handlers[MAX_HANDLERS];

static struct spinlock lock; /* registration */
static unsigned long base;   /* 0: there is no usable PLIC */
static unsigned long context_base, enable_base;
static u32 nr_sources;
static struct hv_timer poll_timer; /* used if base is 0 */

void plic_init(void)
{
	static const char *const names[] = { "riscv,plic0", "sifive,plic-1.0.0" };
	int node = -1, context;
	hpa_t pa;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(names) && node < 0; i++)
		node = fdt_next_compatible(-1, names[i]);
	if (node < 0 || !fdt_reg(node, 0, &pa, NULL)) {
		printk("host: no PLIC: devices are polled\n");
		return;
	}
	context = fdt_hart_irq_index(node, harts[0].hartid, IRQ_S_EXT);
	if (context < 0) {
		printk("host: the PLIC does not reach hart %lu: devices are polled\n",
		       harts[0].hartid);
		return;
	}
	base = (unsigned long)pa_to_va(pa);
	nr_sources = MIN(fdt_u32(node, "riscv,ndev", 31) + 1, (u32)PLIC_SOURCES);
	enable_base = base + PLIC_ENABLE + 0x80UL * (unsigned int)context;
	context_base = base + PLIC_CONTEXT + 0x1000UL * (unsigned int)context;
	for (i = 0; i < (nr_sources + 31) / 32; i++)
		mmio_write32(enable_base, 4 * i, 0);
	mmio_write32(context_base, PLIC_THRESHOLD, 0);
}

static void poll_all(struct hv_timer *timer)
{
	void (*fn)(void *arg);
	unsigned int i;

	for (i = 0; i < MAX_HANDLERS; i++) {
		fn = __atomic_load_n(&handlers[i].fn, __ATOMIC_ACQUIRE);
		if (fn)
			fn(handlers[i].arg);
	}
	hv_timer_start(timer, hv_time() + ns_to_ticks(POLL_NS));
}

int irq_register(unsigned int irq, void (*fn)(void *arg), void *arg)
{
	u32 word;

	if (irq == 0 || (base && irq >= nr_sources) || irq >= MAX_HANDLERS)
		return -EINVAL;
	spin_lock(&lock);
	if (handlers[irq].fn) {
		spin_unlock(&lock);
		return -EBUSY;
	}
	handlers[irq].arg = arg;
	__atomic_store_n(&handlers[irq].fn, fn, __ATOMIC_RELEASE);
	if (!base) {
		if (!poll_timer.fn) {
			hv_timer_init(&poll_timer, poll_all);
			hv_timer_start(&poll_timer, hv_time() + ns_to_ticks(POLL_NS));
		}
		spin_unlock(&lock);
		return 0;
	}
	mmio_write32(base, PLIC_PRIORITY + 4 * irq, 1);
	word = mmio_read32(enable_base, 4 * (irq / 32));
	mmio_write32(enable_base, 4 * (irq / 32), word | 1U << (irq % 32));
	spin_unlock(&lock);
	return 0;
}

void irq_handle_external(void)
{
	void (*fn)(void *arg);
	u32 irq;

	if (!base) {
		csr_clear(sie, BIT(IRQ_S_EXT)); /* no usable PLIC to claim the interrupt from */
		return;
	}
	while ((irq = mmio_read32(context_base, PLIC_CLAIM))) {
		fn = irq < MAX_HANDLERS ? __atomic_load_n(&handlers[irq].fn, __ATOMIC_ACQUIRE)
					: NULL;
		if (fn)
			fn(handlers[irq].arg);
		mmio_write32(context_base, PLIC_CLAIM, irq);
	}
}
