// SPDX-License-Identifier: MIT
/*
 * imsic.c - the guest interrupt files of the harts' IMSICs.
 *
 * Linux's driver of the IMSICs knows the addresses of each hart's files: first the hart's own file,
 * which the driver uses, then those for guests. The driver mapped all of them before the other harts
 * started, so a store to a file never faults, and the fast path may execute it. If the mapping had been
 * made later, the store could fault on a hart that had cached the mapping's absence.
 *
 * Linux gets no guest external interrupts (IRQ_S_GEXT), and so needs no handler for them: the core
 * writes hgeie only around hv_idle(), which returns at once on Linux, and with interrupts off. Nor is
 * the interrupt needed to wake a vCPU's thread: while the thread sleeps, the vCPU is not loaded, and
 * its IMSIC's registers are in memory. A handler would keep kvm.ko from requesting this interrupt,
 * which kvm.ko does when it is loaded.
 */
#include <linux/bitops.h>
#include <linux/io.h>
#include <linux/irqchip/riscv-imsic.h>
#include <linux/kprobes.h>
#include <linux/minmax.h>
#include <linux/percpu.h>
#include "linux.h"

#define MAX_FILES 63U /* bits of hgeie, without bit 0 (H §2.4) */

static const struct imsic_global_config *imsic; /* NULL: there are no IMSICs */
static unsigned int nr_files = MAX_FILES; /* the least of all harts that have been online so far */

static __always_inline const struct imsic_local_config *imsic_of(unsigned int hart)
{
	return per_cpu_ptr(imsic->local, hart);
}

/*
 * Return the number of this hart's guest files: hgeie has a bit for each. An IMSIC's address has
 * room for a power of two of files, the hart's own included.
 */
static unsigned int hart_files(void)
{
	unsigned long bits;

	if (!imsic || !imsic_of(smp_processor_id())->msi_va)
		return 0;
	csr_write(CSR_HGEIE, ~0UL);
	bits = csr_swap(CSR_HGEIE, 0);
	return min_t(unsigned long, bits ? __fls(bits) : 0, BIT(imsic->guest_index_bits) - 1);
}

bool imsic_hart_init(void)
{
	unsigned int before = nr_files;

	imsic = imsic_get_global_config();
	nr_files = min(nr_files, hart_files());
	return nr_files == before;
}

unsigned int hv_guest_files(void)
{
	return nr_files;
}

hpa_t hv_guest_file_pa(unsigned int hart, unsigned int file)
{
	return imsic_of(hart)->msi_pa + file * IMSIC_MMIO_PAGE_SZ;
}

unsigned int hv_guest_ids(void)
{
	return imsic ? imsic->nr_guest_ids : 0;
}

/* Nothing here calls Linux, so the CSRs that a trap changes need not be saved. */
void __kprobes hv_guest_file_send(unsigned int hart, unsigned int file, u32 id)
{
	writel(id, imsic_of(hart)->msi_va + file * IMSIC_MMIO_PAGE_SZ + IMSIC_MMIO_SETIPNUM_LE);
}

void hv_guest_irq_set(void (*fn)(void))
{
}
