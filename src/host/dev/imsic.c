// SPDX-License-Identifier: MIT
/*
 * imsic.c - the harts' incoming MSI controllers: interrupts of devices and of other harts.
 *
 * A file is used only once it has delivered an interrupt that the hart sent to itself: the device
 * tree may be wrong. Source: AIA, "Incoming MSI Controller (IMSIC)".
 */
#include "drivers.h"
#include "hv/csr.h"
#include "hv/host.h"
#include "lib/printk.h"
#include "platform/fdt.h"
#include "platform/imsic_layout.h"
#include "platform/layout.h"
#include "imsic.h"
#include "sched/smp.h"

/* Registers of a file, for siselect; EIP0 and EIE0 hold the bits of identities 0 to 63. */
#define EIDELIVERY  0x70
#define EITHRESHOLD 0x72
#define EIP0        0x80
#define EIE0        0xc0
#define TOPEI_ID    GENMASK(26, 16)

#define SETEIPNUM_LE 0 /* in the file's page: makes the identity that is written pending */

#define IPI_ID          1
#define FIRST_SOURCE_ID 2     /* of the first source of irq.c; the others follow */
#define TRIES           10000 /* reads of stopei until the test interrupt must have arrived */

_Static_assert(FIRST_SOURCE_ID + IRQ_SOURCES <= 64, "a source's identity is not in EIE0");

#define MAX_GUESTS 63 /* bits of hgeie, without bit 0 (H §2.4) */

static int imsic_node = -1; /* negative: there is no IMSIC */
static struct imsic_layout layout;

/* Written by each hart as it starts. 0: the hart has no file that the host can use. */
static hpa_t file_pa[HV_MAX_HARTS];
static unsigned int guest_files[HV_MAX_HARTS];

/* Return the number of guest external interrupts that this hart implements (GEILEN, H §2.4). */
static unsigned int hart_geilen(void)
{
	unsigned int n = 0;
	unsigned long bits;

	if (!hv_isa_has("h"))
		return 0;
	csr_write(hgeie, ~0UL);
	bits = csr_swap(hgeie, 0);
	while (n < MAX_GUESTS && (bits & BIT(n + 1)))
		n++;
	return n;
}

/* Returns false if reading stopei is an illegal instruction. */
static bool stopei_exists(void)
{
	unsigned long done = 0, value;

	__asm__ volatile("100:	csrr %1, %2\n"
			 "	li %0, 1\n"
			 "101:\n"
			 "	.pushsection __ex_table, \"a\"\n"
			 "	.balign 8\n"
			 "	.quad 100b, 101b\n"
			 "	.popsection"
			 : "+r"(done), "=r"(value)
			 : "i"(CSR_stopei)
			 : "memory");
	return done;
}

/*
 * Enable the identities of IPIs and of all sources in this hart's file, and drop what is pending.
 * Then send this hart an IPI: the host would hang if they got lost. Other harts do not send any
 * yet.
 */
static bool file_works(unsigned long file)
{
	unsigned int tries = 0;

	csr_write(siselect, EITHRESHOLD);
	csr_write(sireg, 0);
	csr_write(siselect, EIP0);
	csr_write(sireg, 0);
	csr_write(siselect, EIE0);
	csr_write(sireg, GENMASK(FIRST_SOURCE_ID + IRQ_SOURCES - 1, IPI_ID));
	csr_write(siselect, EIDELIVERY);
	csr_write(sireg, 1);
	if (!mmio_try_write32(file + SETEIPNUM_LE, IPI_ID))
		return false;
	while (FIELD_GET(TOPEI_ID, csr_read(stopei)) != IPI_ID)
		if (++tries == TRIES)
			return false;
	csr_swap(stopei, 0);
	return true;
}

bool imsic_hart_init(void)
{
	unsigned int hart = this_hart(), files;
	unsigned long hartid = harts[hart].hartid;
	int index = fdt_hart_irq_index(imsic_node, hartid, IRQ_S_EXT);
	hpa_t pa;

	if (index < 0 || !imsic_layout_find(&layout, (unsigned int)index, &pa, &files)) {
		printk("host: the IMSIC has no interrupt file for hart %lu\n", hartid);
		return false;
	}
	if (!file_works((unsigned long)pa_to_va(pa))) {
		csr_write(siselect, EIDELIVERY);
		csr_write(sireg, 0);
		printk("host: the interrupt file of hart %lu at 0x%llx does not work\n", hartid,
		       pa);
		return false;
	}
	guest_files[hart] = MIN(files - 1, hart_geilen());
	__atomic_store_n(&file_pa[hart], pa, __ATOMIC_RELEASE);
	return true;
}

int imsic_init(void)
{
	const char *wrong;
	int node = -1;

	do
		node = fdt_next_compatible(node, "riscv,imsics");
	while (node >= 0 && fdt_hart_irq_index(node, harts[0].hartid, IRQ_S_EXT) < 0);
	if (node < 0)
		return -1;
	wrong = imsic_layout_read(node, &layout);
	if (!wrong && (!hv_isa_has("ssaia") || !stopei_exists()))
		wrong = "Ssaia";
	if (wrong) {
		printk("host: the IMSIC is not used: %s is missing or wrong\n", wrong);
		return -1;
	}
	imsic_node = node;
	return imsic_hart_init() ? node : -1;
}

int imsic_hart_index(unsigned int hart)
{
	return file_pa[hart] ? (int)imsic_layout_number(&layout, file_pa[hart]) : -1;
}

u32 imsic_source_id(const struct irq_source *s)
{
	return FIRST_SOURCE_ID + irq_index(s);
}

void imsic_take(void (*served)(const struct irq_source *s))
{
	struct irq_source *s;
	unsigned long id;

	/* The write claims the interrupt that the same instruction reads. */
	while ((id = FIELD_GET(TOPEI_ID, csr_swap(stopei, 0)))) {
		if (id == IPI_ID) {
			sched_ipi();
			continue;
		}
		s = irq_source((unsigned int)id - FIRST_SOURCE_ID);
		if (s) {
			irq_serve(s);
			served(s);
		}
	}
}

static void imsic_raise(unsigned int hart)
{
	hpa_t pa = READ_ONCE(file_pa[hart]);

	if (pa)
		mmio_write32((unsigned long)pa_to_va(pa), SETEIPNUM_LE, IPI_ID);
	else
		ipi_raise_sbi(hart);
}

const struct ipi_method imsic_ipis = { .name = "IMSIC", .raise = imsic_raise };

unsigned int hv_guest_files(void)
{
	unsigned int least = MAX_GUESTS, i;

	for (i = 0; i < nr_harts; i++)
		least = MIN(least, guest_files[i]);
	return least;
}

hpa_t hv_guest_file_pa(unsigned int hart, unsigned int file)
{
	BUG_ON(!file || file > guest_files[hart]);
	return file_pa[hart] + file * PAGE_SIZE;
}

void hv_guest_file_send(unsigned int hart, unsigned int file, u32 id)
{
	mmio_write32((unsigned long)pa_to_va(hv_guest_file_pa(hart, file)), SETEIPNUM_LE, id);
}

unsigned int hv_guest_ids(void)
{
	return layout.guest_ids;
}
