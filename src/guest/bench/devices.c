// SPDX-License-Identifier: MIT
/*
 * devices.c - rows of MMIO and of device interrupts.
 */
#include "bench.h"
#include "irqchip.h"

/* The UART's "transmitter empty" interrupt is pending while enabled, because IIR is never read. */
#define UART_IRQ      1 /* in our VMM; elsewhere, bench_irq() measures nothing */
#define UART_IER      1
#define UART_IER_THRI 2

/* The VMM's --testdev (src/vmm/testdev.c): a store to its NOTIFY register signals an eventfd. */
#define TESTDEV_NOTIFY  0x840
#define TESTDEV_SIGNALS 0x848
#define TESTDEV_MSI     0x858 /* a store signals an irqfd, which sends an MSI to the first hart */
#define TESTDEV_MSI_ID  30

/*
 * Measure an MMIO read with paging on: to translate its address in software, a hypervisor walks
 * three levels.
 */
static void bench_paged(unsigned long address)
{
	pte_t *root;

	if (!wanted("mmio_read_sv39"))
		return;
	root = pt_new();
	pt_map(root, TEST_VA, address, PTE_KERNEL);
	pt_on(root, 0);
	bench("mmio_read_sv39", op_mmio_read, TEST_VA + (address & (PAGE_SIZE - 1)));
	pt_off();
}

/*
 * Measure accesses to a register of source 1, which has no side effects here: its priority in a
 * PLIC, and its configuration in an APLIC.
 */
static void bench_mmio(unsigned long address)
{
	bench("mmio_read", op_mmio_read, address);
	bench("mmio_write", op_mmio_write, address);
	bench_fp("mmio_read_fp", op_mmio_read_fp, address);
	bench_paged(address);
}

/* Lower the UART's line. A message that an APLIC has sent for it is not withdrawn: claim it. */
static void lower_line(unsigned long uart, const struct irqchip *chip)
{
	*(volatile u8 *)(uart + UART_IER) = 0;
	if (chip->imsics)
		irq_claim();
}

/*
 * Measure claims and completions while the UART's line stays high. A claim removes the request and
 * lowers the hart's interrupt; the completion lets the PLIC's gateway send a new request, or the
 * APLIC a new MSI. So each of them changes the hart's interrupt.
 */
static void bench_eoi(unsigned long uart, const struct irqchip *chip)
{
	*(volatile u8 *)(uart + UART_IER) = UART_IER_THRI;
	if (irq_claim() == UART_IRQ) {
		irq_complete(UART_IRQ);
		if (chip->imsics)
			bench("plic_eoi", op_aplic_eoi, chip->base + APLIC_SETIPNUM);
		else
			bench("plic_eoi", op_plic_eoi, plic_claim());
	}
	lower_line(uart, chip);
}

void bench_taken(const char *name, op_fn op, unsigned long arg, void (*lower)(void))
{
	csr_write(stvec, lower);
	csr_write(sie, BIT(IRQ_S_EXT));
	csr_set(sstatus, SSTATUS_SIE);
	bench(name, op, arg);
	csr_clear(sstatus, SSTATUS_SIE);
	csr_write(sie, 0);
	csr_write(stvec, trap_entry);
}

/*
 * Measure plic_eoi and irq_inject, but not on a bare machine: there, an access to QEMU's PLIC costs
 * nothing, and a falling line does not withdraw its request.
 */
static void bench_irq(const struct irqchip *chip)
{
	struct fdt_reg uart;

	if (impl_id() == IMPL_OPENSBI || (!wanted("plic_eoi") && !wanted("irq_inject")) ||
	    !fdt_find("ns16550a", 0, &uart))
		return;
	irqchip_open(BIT(UART_IRQ));
	*(volatile u8 *)(uart.base + UART_IER) = UART_IER_THRI;
	if (csr_read(sip) & BIT(IRQ_S_EXT)) {
		lower_line(uart.base, chip);
		bench_eoi(uart.base, chip);
		bench_taken("irq_inject", op_irq_inject, uart.base,
			    chip->imsics ? bench_lower_msi : bench_lower);
	}
	*(volatile u8 *)(uart.base + UART_IER) = 0;
	irqchip_open(0);
}

/*
 * Measure a store that signals an eventfd, for which no thread waits. First check that a store does
 * signal it.
 */
static void bench_ioeventfd(void)
{
	struct fdt_reg dev;

	if (!fdt_find("hyperscope,testdev", 0, &dev) || !get(dev.base + TESTDEV_NOTIFY))
		return;
	get(dev.base + TESTDEV_SIGNALS);
	set(dev.base + TESTDEV_NOTIFY, 0);
	if (get(dev.base + TESTDEV_SIGNALS) == 1)
		bench("mmio_ioeventfd", op_mmio_write, dev.base + TESTDEV_NOTIFY);
	else
		printf("# mmio_ioeventfd: the store did not reach the eventfd\n");
}

/*
 * Measure MSIs to this hart: the interrupt and its claim, and the store of the hart itself to its
 * IMSIC, or the store to an ioeventfd whose eventfd is also an irqfd. Not on a bare machine, whose
 * device tree also has the interrupt files of M-mode.
 */
static void bench_msi(const struct irqchip *chip)
{
	struct fdt_reg dev;

	if (impl_id() == IMPL_OPENSBI || !chip->imsics)
		return;
	imsic_open(BIT(1) | BIT(TESTDEV_MSI_ID));
	bench_taken("msi_self", op_msi_self, imsic_page(chip, 0), bench_claim);
	if (wanted("msi_irqfd") && fdt_find("hyperscope,testdev", 0, &dev) &&
	    get(dev.base + TESTDEV_MSI))
		bench_taken("msi_irqfd", op_mmio_write, dev.base + TESTDEV_MSI, bench_claim);
	imsic_open(0);
}

void bench_devices(void)
{
	struct irqchip chip;

	if (irqchip_find(&chip)) {
		bench_mmio(chip.base + 4);
		bench_irq(&chip);
		bench_msi(&chip);
	}
	bench_ioeventfd();
}
