// SPDX-License-Identifier: MIT
/*
 * imsic.c - the harts' incoming MSI controllers: where their interrupt files are.
 *
 * A hart's supervisor-level file is one page, which the pages of the hart's guest interrupt files
 * follow. The device tree gives the pages of all harts as one or more regions, in the order of
 * interrupts-extended, and says which bits of an address are the group, hart and guest index. A
 * device tree that contradicts itself is not believed: then there are no interrupt files. Source:
 * AIA, "Incoming MSI Controller (IMSIC)"; the binding riscv,imsics of the Devicetree schemas.
 */
#include "drivers.h"
#include "hv/csr.h"
#include "hv/host.h"
#include "lib/printk.h"
#include "platform/fdt.h"
#include "platform/layout.h"
#include "sched/smp.h"

#define MIN_IDS        63
#define MAX_IDS        2047
#define MAX_GUEST_BITS 7
#define MAX_HART_BITS  15
#define MAX_GROUP_BITS 7
#define MAX_SHIFT      55
#define MAX_GUESTS     63 /* bits of hgeie, without bit 0 (H §2.4) */

static struct {
	int node; /* negative: there is no usable IMSIC */
	unsigned int ids, guest_ids;
	unsigned int guest_bits, hart_bits, group_bits, group_shift;
	hpa_t base; /* a file's address, with all indexes 0 */
} imsic = { .node = -1 };

/* Written by each hart as it starts. 0: the hart has no file that the host can use. */
static hpa_t file_pa[HV_MAX_HARTS];
static unsigned int guest_files[HV_MAX_HARTS];

static bool ids_valid(unsigned int ids)
{
	return ids >= MIN_IDS && ids <= MAX_IDS && (ids & MIN_IDS) == MIN_IDS;
}

/* The bits of an address that are indexes. */
static u64 index_mask(void)
{
	return ((1ULL << (PAGE_SHIFT + imsic.guest_bits + imsic.hart_bits)) - 1) |
	       ((1ULL << imsic.group_bits) - 1) << imsic.group_shift;
}

/* Read the node's properties. Returns the name of the first that is missing or wrong, or NULL. */
static const char *read_properties(int node)
{
	unsigned int bits = 0;
	int len = 0;

	fdt_getprop(host_fdt, node, "interrupts-extended", &len);
	while (bits < MAX_HART_BITS && (8 << bits) < len)
		bits++;
	imsic.ids = fdt_u32(node, "riscv,num-ids", 0);
	imsic.guest_ids = fdt_u32(node, "riscv,num-guest-ids", imsic.ids);
	imsic.guest_bits = fdt_u32(node, "riscv,guest-index-bits", 0);
	imsic.hart_bits = fdt_u32(node, "riscv,hart-index-bits", bits);
	imsic.group_bits = fdt_u32(node, "riscv,group-index-bits", 0);
	imsic.group_shift = fdt_u32(node, "riscv,group-index-shift", 2 * PAGE_SHIFT);
	if (!ids_valid(imsic.ids))
		return "riscv,num-ids";
	if (!ids_valid(imsic.guest_ids))
		return "riscv,num-guest-ids";
	if (imsic.guest_bits > MAX_GUEST_BITS)
		return "riscv,guest-index-bits";
	if (imsic.hart_bits > MAX_HART_BITS)
		return "riscv,hart-index-bits";
	if (imsic.group_bits > MAX_GROUP_BITS)
		return "riscv,group-index-bits";
	if (imsic.group_shift < 2 * PAGE_SHIFT || imsic.group_shift > MAX_SHIFT ||
	    (imsic.group_bits &&
	     imsic.group_shift < PAGE_SHIFT + imsic.guest_bits + imsic.hart_bits))
		return "riscv,group-index-shift";
	if (!fdt_reg(node, 0, &imsic.base, NULL) || !IS_ALIGNED(imsic.base, PAGE_SIZE))
		return "reg";
	imsic.base &= ~index_mask();
	return NULL;
}

void imsic_init(void)
{
	const char *wrong;
	int node = -1;

	do
		node = fdt_next_compatible(node, "riscv,imsics");
	while (node >= 0 && fdt_hart_irq_index(node, harts[0].hartid, IRQ_S_EXT) < 0);
	if (node < 0)
		return;
	wrong = read_properties(node);
	if (wrong) {
		printk("host: the IMSIC is not used: %s is missing or wrong\n", wrong);
		return;
	}
	imsic.node = node;
	imsic_hart_init();
}

/*
 * Find the pages of the hart with this index in interrupts-extended. *files receives the number of
 * pages, at least 1. Returns false if the device tree has no page for the hart.
 */
static bool find_files(unsigned int index, hpa_t *pa, unsigned int *files)
{
	u64 each = PAGE_SIZE << imsic.guest_bits, at = index * each, size;
	hpa_t start;
	int i;

	for (i = 0; fdt_reg(imsic.node, i, &start, &size); i++) {
		if (at >= size) {
			at -= ALIGN_UP(size, each);
			continue;
		}
		*pa = start + at;
		*files = (unsigned int)MIN(1ULL << imsic.guest_bits, (size - at) / PAGE_SIZE);
		return *files && IS_ALIGNED(*pa, each) && (*pa & ~index_mask()) == imsic.base &&
		       *pa < LINEAR_SIZE;
	}
	return false;
}

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

void imsic_hart_init(void)
{
	unsigned int hart = this_hart(), files;
	hpa_t pa;
	int index;

	if (imsic.node < 0)
		return;
	index = fdt_hart_irq_index(imsic.node, harts[hart].hartid, IRQ_S_EXT);
	if (index < 0 || !find_files((unsigned int)index, &pa, &files)) {
		printk("host: the IMSIC has no interrupt file for hart %lu\n", harts[hart].hartid);
		return;
	}
	file_pa[hart] = pa;
	guest_files[hart] = MIN(files - 1, hart_geilen());
}

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

unsigned int hv_guest_ids(void)
{
	return imsic.node < 0 ? 0 : imsic.guest_ids;
}
