// SPDX-License-Identifier: MIT
/*
 * wire.c - rows of lab 7: the same line raised by an ioctl, by a write to an irqfd and by an
 * irqfd's ioeventfd (--wire)
 */
#include "bench.h"

#define WIRE_EVENT 0x100
#define WIRE_WRITE 0x200
#define WIRE_IOCTL 0x300
#define WIRE_LOWER 0x400

void op_irq_ioctl(unsigned long n, unsigned long arg);
void op_irq_write(unsigned long n, unsigned long arg);
void op_irq_event(unsigned long n, unsigned long arg);
void bench_wire_lower(void);

/*
 * Measure one row. First check that the line rises and falls: code that does nothing would be fast.
 */
static void row(const char *name, op_fn op, unsigned long wire, unsigned long way)
{
	bool up;

	if (!wanted(name))
		return;
	set(wire + way, 0);
	up = csr_read(sip) & BIT(IRQ_S_EXT);
	set(wire + WIRE_LOWER, 0);
	if (!up || csr_read(sip) & BIT(IRQ_S_EXT)) {
		printf("# %s: the line does not rise and fall\n", name);
		return;
	}
	bench_taken(name, op, wire + way, bench_wire_lower);
}

void bench_wire(void)
{
	struct fdt_reg dev;

	if (!fdt_find("hyperscope,wire", 0, &dev))
		return;
	row("irq_ioctl", op_irq_ioctl, dev.base, WIRE_IOCTL);
	row("irq_write", op_irq_write, dev.base, WIRE_WRITE);
	row("irq_event", op_irq_event, dev.base, WIRE_EVENT);
}
