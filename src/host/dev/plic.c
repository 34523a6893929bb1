// SPDX-License-Identifier: MIT
/*
 * plic.c - the platform's PLIC as the host's interrupt controller.
 *
 * Each source is enabled in the context of one hart: if it were enabled in several, all but one of
 * these harts would trap only to lose the race for the claim. Source: PLIC §2 to §9.
 */
#include "drivers.h"
#include "hv/csr.h"
#include "lib/printk.h"
#include "platform/fdt.h"
#include "sched/irq.h"
#include "sched/smp.h"

#define PLIC_SOURCES   1024
#define PLIC_PRIORITY  0x0      /* 4 bytes per source */
#define PLIC_ENABLE    0x2000   /* one bit per source, 0x80 bytes per context */
#define PLIC_CONTEXT   0x200000 /* 0x1000 bytes per context */
#define PLIC_THRESHOLD 0x0
#define PLIC_CLAIM     0x4

static int plic_node;
static unsigned long base;
static u64 reg_size;
static u32 nr_numbers;
/* The registers of each hart's supervisor context; 0: the hart has none. */
static unsigned long enable_base[HV_MAX_HARTS], context_base[HV_MAX_HARTS];

static bool plic_hart_init(void)
{
	unsigned int hart = this_hart();
	int context = fdt_hart_irq_index(plic_node, harts[hart].hartid, IRQ_S_EXT);
	u32 i;

	if (context < 0 || PLIC_CONTEXT + 0x1000 * ((u64)context + 1) > reg_size) {
		printk("host: the PLIC has no context for hart %lu\n", harts[hart].hartid);
		return false;
	}
	enable_base[hart] = base + PLIC_ENABLE + 0x80UL * (unsigned int)context;
	context_base[hart] = base + PLIC_CONTEXT + 0x1000UL * (unsigned int)context;
	for (i = 0; i < (nr_numbers + 31) / 32; i++)
		mmio_write32(enable_base[hart], 4 * i, 0);
	mmio_write32(context_base[hart], PLIC_THRESHOLD, 0);
	return true;
}

static void enable(unsigned int hart, u32 number, bool on)
{
	u32 bit = 1U << (number % 32), word = mmio_read32(enable_base[hart], 4 * (number / 32));

	mmio_write32(enable_base[hart], 4 * (number / 32), on ? word | bit : word & ~bit);
}

static bool plic_route(const struct irq_source *s, unsigned int hart)
{
	if (s->controller != plic_node || s->number >= nr_numbers || !context_base[hart])
		return false;
	mmio_write32(base, PLIC_PRIORITY + 4 * s->number, 1);
	enable(s->hart, s->number, false);
	enable(hart, s->number, true);
	return true;
}

static void plic_take(void)
{
	unsigned long context = context_base[this_hart()];
	struct irq_source *s;
	u32 number;

	while ((number = mmio_read32(context, PLIC_CLAIM))) {
		s = irq_source_numbered(plic_node, number);
		if (s)
			irq_serve(s);
		mmio_write32(context, PLIC_CLAIM, number);
	}
}

bool plic_init(void)
{
	static const char *const names[] = { "riscv,plic0", "sifive,plic-1.0.0" };
	static struct irq_chip chip = {
		.name = "PLIC",
		.hart_init = plic_hart_init,
		.route = plic_route,
		.take = plic_take,
	};
	int node = -1;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(names) && node < 0; i++)
		node = fdt_next_compatible(-1, names[i]);
	if (node < 0)
		return false;
	base = fdt_map(node, 0, PLIC_CONTEXT, &reg_size);
	if (!base) {
		printk("host: the PLIC is not used: reg is missing or wrong\n");
		return false;
	}
	nr_numbers = MIN(fdt_u32(node, "riscv,ndev", 31), PLIC_SOURCES - 1U) + 1;
	plic_node = chip.node = node;
	if (!plic_hart_init())
		return false;
	irq_chip_set(&chip);
	return true;
}
