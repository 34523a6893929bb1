// SPDX-License-Identifier: MIT
/*
 * imsic_layout.c - where the device tree says that the harts' interrupt files are.
 *
 * A hart's supervisor-level file is one page, which the pages of its guest interrupt files follow.
 * The tree gives the pages of all harts as one or more regions, in the order of interrupts-extended,
 * and says which bits of an address are the group, hart and guest index. The binding's maximum
 * values are checked, and each address must agree with the bits. Source: AIA, "Incoming MSI
 * Controller (IMSIC)"; the binding riscv,imsics in Linux.
 */
#include "imsic_layout.h"
#include "fdt.h"
#include "hv/bits.h"
#include "layout.h"

#define MIN_IDS        63
#define MAX_IDS        2047
#define MAX_GUEST_BITS 7
#define MAX_HART_BITS  15
#define MAX_GROUP_BITS 7
#define MIN_SHIFT      24
#define MAX_SHIFT      55

static bool ids_valid(unsigned int ids)
{
	return ids >= MIN_IDS && ids <= MAX_IDS && (ids & MIN_IDS) == MIN_IDS;
}

/* The bits of an address that are indexes. */
static u64 index_mask(const struct imsic_layout *l)
{
	return ((1ULL << (PAGE_SHIFT + l->guest_bits + l->hart_bits)) - 1) |
	       ((1ULL << l->group_bits) - 1) << l->group_shift;
}

const char *imsic_layout_read(int node, struct imsic_layout *l)
{
	unsigned int bits = 0;
	int len = 0;

	fdt_getprop(host_fdt, node, "interrupts-extended", &len);
	while (bits < MAX_HART_BITS && (8 << bits) < len)
		bits++;
	l->node = node;
	l->ids = fdt_u32(node, "riscv,num-ids", 0);
	l->guest_ids = fdt_u32(node, "riscv,num-guest-ids", l->ids);
	l->guest_bits = fdt_u32(node, "riscv,guest-index-bits", 0);
	l->hart_bits = fdt_u32(node, "riscv,hart-index-bits", bits);
	l->group_bits = fdt_u32(node, "riscv,group-index-bits", 0);
	l->group_shift = fdt_u32(node, "riscv,group-index-shift", MIN_SHIFT);
	if (!ids_valid(l->ids))
		return "riscv,num-ids";
	if (!ids_valid(l->guest_ids))
		return "riscv,num-guest-ids";
	if (l->guest_bits > MAX_GUEST_BITS)
		return "riscv,guest-index-bits";
	if (l->hart_bits > MAX_HART_BITS)
		return "riscv,hart-index-bits";
	if (l->group_bits > MAX_GROUP_BITS)
		return "riscv,group-index-bits";
	if (l->group_shift < MIN_SHIFT || l->group_shift > MAX_SHIFT ||
	    (l->group_bits && l->group_shift < PAGE_SHIFT + l->guest_bits + l->hart_bits))
		return "riscv,group-index-shift";
	if (!fdt_reg(node, 0, &l->base, NULL))
		return "reg";
	l->base &= ~index_mask(l);
	return NULL;
}

bool imsic_layout_find(const struct imsic_layout *l, unsigned int index, hpa_t *pa,
		       unsigned int *files)
{
	u64 each = PAGE_SIZE << l->guest_bits, at = index * each, size;
	hpa_t start;
	int i;

	for (i = 0; fdt_reg(l->node, i, &start, &size); i++) {
		if (at >= size) { /* then at, a multiple of each, is not below the rounded size */
			at -= ALIGN_UP(size, each);
			continue;
		}
		*pa = start + at;
		*files = (unsigned int)MIN(1ULL << l->guest_bits, (size - at) / PAGE_SIZE);
		return *files && IS_ALIGNED(*pa, each) && (*pa & ~index_mask(l)) == l->base &&
		       *pa < LINEAR_SIZE;
	}
	return false;
}

unsigned int imsic_layout_number(const struct imsic_layout *l, hpa_t pa)
{
	u64 group = pa >> l->group_shift & ((1ULL << l->group_bits) - 1);
	u64 hart = pa >> (PAGE_SHIFT + l->guest_bits) & ((1ULL << l->hart_bits) - 1);

	return (unsigned int)(group << l->hart_bits | hart);
}
