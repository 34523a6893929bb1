// SPDX-License-Identifier: MIT
/*
 * memory.c - pages and small blocks of kernel memory.
 *
 * The core allocates with interrupts off and with its locks held, so an allocation must not sleep.
 * If it fails, the core's ioctl returns -ENOMEM, and file.c makes room and repeats it.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include "linux.h"

#define HV_GFP (GFP_ATOMIC | __GFP_ZERO | __GFP_NOWARN | __GFP_ACCOUNT)

hpa_t hv_pages_alloc(unsigned int order)
{
	struct page *page = alloc_pages(HV_GFP | (order ? __GFP_COMP : 0), order);

	return page ? page_to_phys(page) : 0;
}

void hv_pages_free(hpa_t pa, unsigned int order)
{
	__free_pages(pfn_to_page(PHYS_PFN(pa)), order);
}

/* riscv64 maps all memory linearly. */
void *hv_page_map(hpa_t pa)
{
	return __va(pa);
}

void hv_page_unmap(void *va)
{
}

void *hv_alloc(size_t size)
{
	return kmalloc(size, HV_GFP);
}

void hv_free(void *p)
{
	kfree(p);
}
