// SPDX-License-Identifier: MIT
/*
 * paging.c - Sv39 page tables for tests of two-stage translation.
 *
 * Every root maps the low 128 GiB one to one with 1 GiB leaves, so the image, the stacks, the
 * devices and the device tree keep their addresses. Tests map 4 KiB pages from TEST_VA upwards; the
 * tables for these pages are created when they are needed.
 */
#include "rt.h"

#define POOL_PAGES 128
#define PT_LEVELS  3
#define ONE_TO_ONE 128 /* in GiB; TEST_VA follows directly */

static u8 pool[POOL_PAGES][4096] __attribute__((aligned(4096))) NOT_CLEARED;
static int pool_used;

void *page_alloc(void)
{
	if (pool_used == POOL_PAGES)
		bail("the payload's page pool is empty");
	return memset(pool[pool_used++], 0, PAGE_SIZE);
}

pte_t *pt_new(void)
{
	pte_t *root = page_alloc();
	unsigned long i;

	for (i = 0; i < ONE_TO_ONE; i++)
		root[i] = pte_make(i * SZ_1G, PTE_KERNEL);
	return root;
}

pte_t *pt_find(pte_t *root, unsigned long va)
{
	pte_t *table = root;
	int level;

	for (level = PT_LEVELS - 1; level; level--) {
		pte_t *pte = &table[va >> (PAGE_SHIFT + 9 * level) & 511];

		if (!(*pte & PTE_V))
			*pte = pte_make((hpa_t)(unsigned long)page_alloc(), PTE_V);
		table = (pte_t *)(unsigned long)pte_to_hpa(*pte);
	}
	return &table[va >> PAGE_SHIFT & 511];
}

void pt_map(pte_t *root, unsigned long va, unsigned long pa, unsigned long flags)
{
	*pt_find(root, va) = pte_make(pa, flags);
	sfence_vma();
}

void pt_on(const pte_t *root, unsigned long asid)
{
	csr_write(satp, satp_make(root, asid));
	sfence_vma();
}

void pt_off(void)
{
	csr_write(satp, 0);
	sfence_vma();
}
