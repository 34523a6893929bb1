// SPDX-License-Identifier: MIT
/*
 * zero_page.c - the zero page: 2 MiB of zeroes for memory that was loaded from but never stored to.
 *
 * With parameter zero_page=1, a first access to private anonymous memory that is a load maps
 * the zero page instead of a new page: all of it with one leaf, or, where that leaf does not fit,
 * the 4 KiB at the same offset within 2 MiB. fault.c replaces the leaf at the first store. As on
 * Linux, a leaf that maps the zero page
 *
 *  - never has W, in the process's table or in a guest's G-stage;
 *  - holds no reference: mm_get_leaf_pages() and mm_put_leaf_pages() skip it. References that are
 *    held for another reason, such as a device's transfer, are counted as for any page;
 *  - is not counted as memory in use (mm_leaf_pages()), because unmapping it frees nothing.
 *
 * The zero page is allocated at its first use, if much memory is free, and never freed.
 */
#include <linux/errno.h>
#include "hv/bits.h"
#include "hv/host.h"
#include "page.h"
#include "vma.h"

hpa_t zero_page_pa = ~0ULL;

bool zero_page_enabled;

hpa_t zero_page_get(void)
{
	hpa_t pa = __atomic_load_n(&zero_page_pa, __ATOMIC_ACQUIRE), none = ~0ULL;

	if (pa != none)
		return pa;
	pa = page_is_plenty() ? page_alloc_zeroed_block() : 0;
	if (!pa)
		return 0;
	/*
	 * Release the zeroes. This takes a fence, because gcc before 14 ignores the release of
	 * __ATOMIC_ACQ_REL if the order for failure is __ATOMIC_ACQUIRE.
	 */
	__atomic_thread_fence(__ATOMIC_RELEASE);
	/* Another process may have been faster: mm->lock does not exclude it. */
	if (!__atomic_compare_exchange_n(&zero_page_pa, &none, pa, false, __ATOMIC_ACQUIRE,
					 __ATOMIC_ACQUIRE)) {
		page_free(pa, ORDER_2M);
		pa = none;
	}
	return pa;
}

/*
 * Guests may have cached the old leaf, so this is an invalidation, but without fence.i: the old and
 * the new page contain only zeroes.
 */
int mm_replace_zeroes(struct mm *mm, const struct vma *vma, unsigned long va, pte_t *pte,
		      unsigned long size, struct mm_fault *fault)
{
	bool block = size == SZ_2M && !(vma->flags & (VMA_NO_HUGE | VMA_UFFD));
	unsigned long old_size = size;
	hpa_t pa;
	int err = mm_fault_take_zeroes(fault, block, &size, &pa);

	if (err < 0)
		return err;
	if (size != old_size) {
		pte = pgtable_alloc(mm, va, SZ_4K); /* splits the leaf */
		if (!pte) {
			page_free(pa, 0);
			return -ENOMEM;
		}
		mm_flush_tlb(mm, ALIGN_DOWN(va, SZ_2M), SZ_2M);
	}
	va = ALIGN_DOWN(va, size);
	mm_notify_start(mm, va, va + size);
	pte_publish(pte, pte_make(pa, vma_pte_flags(vma->prot)));
	WRITE_ONCE(mm->total_pages, mm->total_pages + size / SZ_4K);
	mm_flush_tlb(mm, va, size);
	mm_notify_end(mm, va, va + size);
	return 0;
}

static int param_get(const struct hv_param *param, char *buf, size_t size)
{
	(void)param;
	if (size < 2)
		return -EINVAL;
	buf[0] = READ_ONCE(zero_page_enabled) ? '1' : '0';
	buf[1] = '\0';
	return 0;
}

/* Leaves that map the zero page stay when it is switched off. */
static int param_set(const struct hv_param *param, const char *value)
{
	(void)param;
	if ((value[0] != '0' && value[0] != '1') || value[1])
		return -EINVAL;
	WRITE_ONCE(zero_page_enabled, value[0] == '1');
	return 0;
}

void zero_page_init(void)
{
	static const struct hv_param param = { "zero_page", param_get, param_set, NULL };

	hv_param_register(&param);
}
