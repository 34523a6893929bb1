// SPDX-License-Identifier: MIT
/*
 * devices.c - rows of MMIO and of device interrupts.
 */
#include "bench.h"
#include "plic.h"

/* The UART's "transmitter empty" interrupt is pending while enabled, because IIR is never read. */
#define UART_IRQ      10 /* on QEMU's virt and our VMM; elsewhere, bench_irq() measures nothing */
#define UART_IER      1
#define UART_IER_THRI 2

/* The VMM's --testdev (src/vmm/testdev.c): a store to its NOTIFY register signals an eventfd. */
#define TESTDEV_NOTIFY  0x840
#define TESTDEV_SIGNALS 0x848

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

static void bench_mmio(unsigned long plic)
{
	/* The priority register of source 1 exists in every PLIC and has no side effects here. */
	bench("mmio_read", op_mmio_read, plic + 4);
	bench("mmio_write", op_mmio_write, plic + 4);
	bench_fp("mmio_read_fp", op_mmio_read_fp, plic + 4);
	bench_paged(plic + 4);
}

/*
 * Measure claims and completions while the UART's line stays high. A claim removes the request and
 * lowers the hart's interrupt; the completion lets the gateway send a new request. So each of them
 * changes the vCPU's interrupt in the hypervisor.
 */
static void bench_eoi(unsigned long uart, unsigned long claim)
{
	*(volatile u8 *)(uart + UART_IER) = UART_IER_THRI;
	if (get(claim) == UART_IRQ) {
		set(claim, UART_IRQ);
		bench("plic_eoi", op_plic_eoi, claim);
	}
	*(volatile u8 *)(uart + UART_IER) = 0;
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
static void bench_irq(unsigned long plic)
{
	struct fdt_reg uart;
	unsigned long claim;

	if (impl_id() == IMPL_OPENSBI || (!wanted("plic_eoi") && !wanted("irq_inject")) ||
	    !fdt_find("ns16550a", 0, &uart))
		return;
	claim = plic_open(BIT(UART_IRQ));
	*(volatile u8 *)(uart.base + UART_IER) = UART_IER_THRI;
	if (get(plic + PLIC_PENDING) & BIT(UART_IRQ)) {
		*(volatile u8 *)(uart.base + UART_IER) = 0;
		bench_eoi(uart.base, claim);
		bench_taken("irq_inject", op_irq_inject, uart.base, bench_lower);
	}
	*(volatile u8 *)(uart.base + UART_IER) = 0;
	plic_open(0);
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

/* Indirectly accessed registers of an interrupt file (AIA, "Incoming MSI Controller"). */
#define EIDELIVERY  0x70
#define EITHRESHOLD 0x72
#define EIE0        0xc0

static void imsic_set(unsigned long select, unsigned long value)
{
	csr_write(siselect, select);
	csr_write(sireg, value);
}

/*
 * Measure an MSI from the hart to itself: the store, the trap, and the claim. Not on a bare machine,
 * whose device tree also has the interrupt files of M-mode.
 */
static void bench_msi(void)
{
	struct fdt_reg imsics;

	if (impl_id() == IMPL_OPENSBI || !wanted("msi_self") ||
	    !fdt_find("riscv,imsics", 0, &imsics))
		return;
	imsic_set(EITHRESHOLD, 0);
	imsic_set(EIE0, BIT(1));
	imsic_set(EIDELIVERY, 1);
	bench_taken("msi_self", op_msi_self, imsics.base + this_hart()->id * PAGE_SIZE,
		    bench_claim);
	imsic_set(EIDELIVERY, 0);
}

void bench_devices(void)
{
	struct fdt_reg plic;

	if (fdt_find("riscv,plic0", 0, &plic)) {
		bench_mmio(plic.base);
		bench_irq(plic.base);
	}
	bench_ioeventfd();
	bench_msi();
}
