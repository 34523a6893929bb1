// SPDX-License-Identifier: MIT
/*
 * msi.c - for walkthroughs: a guest that receives MSIs, from a device through the APLIC, from a
 * device that stores them itself, and from the guest.
 *
 * The first device is the serial port, as in device.c, which tells why nothing is printed before.
 * The second one exists only in the walkthrough: gdb stores the MSI while the guest is in
 * store_msi().
 */
#include "rt.h"

#define UART_SOURCE 1
#define UART_IER    1 /* interrupt enable */
#define UART_IIR    2 /* interrupt identification; a read clears "transmitter empty" */
#define IER_THRI    2

#define APLIC_DOMAINCFG 0x0000
#define APLIC_SOURCECFG (4 * UART_SOURCE)
#define APLIC_SETIENUM  0x1edc
#define APLIC_TARGET    (0x3000 + 4 * UART_SOURCE) /* hart index 0, and the id */
#define DOMAINCFG_IE    BIT(8)
#define LEVEL1          6

/* Registers of the hart's interrupt file, for siselect. */
#define EIDELIVERY 0x70
#define EIE0       0xc0
#define TOPEI_ID   GENMASK(26, 16)

#define WIRED_ID 42
#define STORE_ID 9
#define OWN_ID   7

static unsigned long uart, aplic, imsic;
static unsigned long claimed; /* one bit per id */

static void aplic_write(unsigned long offset, u32 value)
{
	*(volatile u32 *)(aplic + offset) = value;
}

static void file_write(unsigned long select, unsigned long value)
{
	csr_write(siselect, select);
	csr_write(sireg, value);
}

static unsigned long __attribute__((noinline)) claim_top(void)
{
	return FIELD_GET(TOPEI_ID, csr_swap(stopei, 0));
}

static void handle_irq(unsigned long code)
{
	unsigned long id = claim_top();

	(void)code;
	claimed |= BIT(id);
	if (id == WIRED_ID)
		(void)*(volatile u8 *)(uart + UART_IIR);
}

static void __attribute__((noinline)) raise_line(void)
{
	*(volatile u8 *)(uart + UART_IER) = IER_THRI;
}

static void __attribute__((noinline)) store_msi(void)
{
	*(volatile u32 *)imsic = OWN_ID;
}

static unsigned long base_of(const char *compatible)
{
	struct fdt_reg found;

	if (!fdt_find(compatible, 0, &found))
		bail("no %s in the device tree", compatible);
	return found.base;
}

void payload_main(void)
{
	uart = base_of("ns16550a");
	aplic = base_of("riscv,aplic");
	imsic = base_of("riscv,imsics");

	file_write(EIE0, BIT(WIRED_ID) | BIT(STORE_ID) | BIT(OWN_ID));
	file_write(EIDELIVERY, 1);
	aplic_write(APLIC_SOURCECFG, LEVEL1);
	aplic_write(APLIC_TARGET, WIRED_ID);
	aplic_write(APLIC_SETIENUM, UART_SOURCE);
	aplic_write(APLIC_DOMAINCFG, DOMAINCFG_IE);
	this_hart()->on_irq = handle_irq;
	csr_write(sie, BIT(IRQ_S_EXT));
	csr_set(sstatus, SSTATUS_SIE);
	raise_line();
	store_msi();
	csr_clear(sstatus, SSTATUS_SIE);
	printf("msi: claimed 0x%lx\n", claimed);
}
