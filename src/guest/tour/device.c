// SPDX-License-Identifier: MIT
/*
 * device.c - for walkthroughs: a guest that reads a device's register and is interrupted by the
 * device.
 *
 * The serial port's "transmitter empty" is an interrupt that a program can raise at any time. The
 * guest does not print anything before this interrupt, because the VMM's console thread would run
 * some milliseconds after a printed line, between the steps that a walkthrough shows.
 */
#include "rt.h"

#define UART_SOURCE 1
#define UART_IER    1 /* interrupt enable */
#define UART_IIR    2 /* interrupt identification; a read clears "transmitter empty" */
#define UART_LSR    5 /* line status */
#define IER_THRI    2

#define PLIC_PRIORITY (4 * UART_SOURCE)
#define PLIC_ENABLE   0x2080 /* of context 1: hart 0 in S mode */
#define PLIC_CLAIM    0x201004

static unsigned long uart, plic;
static unsigned int claimed;

static u8 read_status(void)
{
	return *(volatile u8 *)(uart + UART_LSR);
}

static void plic_write(unsigned long offset, u32 value)
{
	*(volatile u32 *)(plic + offset) = value;
}

static void handle_irq(unsigned long code)
{
	(void)code;
	claimed = *(volatile u32 *)(plic + PLIC_CLAIM);
	(void)*(volatile u8 *)(uart + UART_IIR);
	plic_write(PLIC_CLAIM, claimed);
}

static void __attribute__((noinline)) raise_line(void)
{
	*(volatile u8 *)(uart + UART_IER) = IER_THRI;
}

void payload_main(void)
{
	struct fdt_reg found;
	u8 status;

	if (!fdt_find("ns16550a", 0, &found))
		bail("no serial port in the device tree");
	uart = found.base;
	if (!fdt_find("riscv,plic0", 0, &found))
		bail("no PLIC in the device tree");
	plic = found.base;

	status = read_status();

	plic_write(PLIC_PRIORITY, 1);
	plic_write(PLIC_ENABLE, BIT(UART_SOURCE));
	this_hart()->on_irq = handle_irq;
	csr_write(sie, BIT(IRQ_S_EXT));
	csr_set(sstatus, SSTATUS_SIE);
	raise_line();
	csr_clear(sstatus, SSTATUS_SIE);
	printf("device: status 0x%x, and source %u interrupted\n", status, claimed);
}
