// SPDX-License-Identifier: MIT
/*
 * kstack.c - kernel stacks with a guard page.
 *
 * The linear map consists of leaves of 1 GiB, so no single page of it can be left unmapped.
 * Therefore, RAM is mapped a second time, in blocks of KSTACK_SIZE with an unmapped page below each
 * block. A stack is accessed at this second address, and an overflow faults (trap.S,
 * stack_overflow). A block's second address follows from its physical address, so the tables are
 * written once, at boot: no kernel mapping ever changes, and none needs a fence. The tables take
 * 0.25 % of RAM.
 */
#include "hv/bits.h"
#include "hv/pte.h"
#include "mm.h"
#include "page.h"
#include "lib/printk.h"

#define STRIDE      (KSTACK_SIZE + PAGE_SIZE)
#define TABLE_SPAN  SZ_2M /* virtual addresses mapped by one table of 4K leaves */
#define KSTACKS_MAX ((KERNEL_BASE / SZ_1G * SZ_1G - KSTACK_BASE) / STRIDE)

static hpa_t first_block; /* the first block of RAM */
static u64 nr_blocks;     /* blocks with a second address */

static unsigned long address_of(hpa_t pa)
{
	return KSTACK_BASE + (pa - first_block) / KSTACK_SIZE * STRIDE + PAGE_SIZE;
}

/* Write the leaves of all blocks in the order of their addresses, as address_of() returns them. */
static void map_blocks(pte_t *pte)
{
	pte_t leaf = pte_make(first_block, PTE_V | PTE_R | PTE_W | PTE_G | PTE_A | PTE_D);
	pte_t next = pte_make(PAGE_SIZE, 0); /* from a page's leaf to that of the next page */

	for (u64 block = 0; block < nr_blocks; block++) {
		pte++; /* the guard page */
		for (unsigned int i = 0; i < KSTACK_SIZE / PAGE_SIZE; i++, leaf += next)
			*pte++ = leaf;
	}
}

void kstack_init(void)
{
	u64 span, nr_low, nr_mid;
	hpa_t low, mid, end;
	pte_t *entry;

	page_ram_range(&first_block, &end);
	first_block = ALIGN_DOWN(first_block, KSTACK_SIZE);
	/* RAM above about 100 GiB has no second address, so stacks there have no guard page. */
	nr_blocks = MIN((end - first_block) / KSTACK_SIZE, KSTACKS_MAX);
	span = nr_blocks * STRIDE;
	nr_low = ALIGN_UP(span, TABLE_SPAN) / TABLE_SPAN;
	nr_mid = ALIGN_UP(span, SZ_1G) / SZ_1G;
	low = page_boot_alloc(nr_low * PAGE_SIZE, PAGE_SIZE);
	mid = page_boot_alloc(nr_mid * PAGE_SIZE, PAGE_SIZE);
	if (!low || !mid)
		panic("no memory for the page tables of kernel stacks");
	map_blocks(pa_to_va(low));
	entry = pa_to_va(mid);
	for (u64 i = 0; i < nr_low; i++)
		entry[i] = pte_make(low + i * PAGE_SIZE, PTE_V);
	for (u64 i = 0; i < nr_mid; i++)
		pgtable_set_kernel(KSTACK_BASE + i * SZ_1G, mid + i * PAGE_SIZE);
}

void *kstack_alloc(void)
{
	hpa_t pa = page_alloc_zeroed(KSTACK_ORDER);

	if (!pa)
		return NULL;
	if ((pa - first_block) / KSTACK_SIZE >= nr_blocks)
		return pa_to_va(pa);
	return (void *)address_of(pa);
}

void kstack_free(void *stack)
{
	unsigned long va = (unsigned long)stack;
	hpa_t pa = va < KSTACK_BASE ? va_to_pa(stack)
				    : first_block + (va - KSTACK_BASE) / STRIDE * KSTACK_SIZE;

	page_free(pa, KSTACK_ORDER);
}
