// SPDX-License-Identifier: MIT
/*
 * mm_age.c - find the pages in use: clear their accessed bits, and read them again later.
 *
 * A page is young if its leaf has A set, in the process's table or in a guest's G-stage. Clearing A
 * and reading it again later shows the working set. The next access makes hardware set A again
 * (Svadu), or faults, and then mm_fault() or the core sets it. madvise(MADV_COLD) clears A in a
 * range, and /proc/self/clear_refs in all areas, in anonymous areas, or in mappings of files;
 * /proc/self/smaps shows the result. Locks: mm->lock.
 */
#include <linux/mman.h>
#include "hv/host.h"
#include "hv/trace.h"
#include "sched/insn.h"
#include "sched/thread.h"
#include "vma.h"

#define BATCH 512 /* leaves between two calls to irq_window() */

/* Nothing accesses a leaf of PROT_NONE, so its A, which is always set, has no meaning. */
static bool has_access(pte_t pte)
{
	return pte & PTE_U;
}

void mm_age(struct mm *mm, unsigned long start, unsigned long end)
{
	unsigned long va = start, size;
	struct hv_notifier *n;
	unsigned int i = 0;
	pte_t *pte;

	trace_mm_age(start, end);
	while ((pte = mm_next_leaf(mm, &va, end, &size)) != NULL) {
		/* A plain store will do: D is always set, so hardware can change only A itself. */
		if (has_access(*pte))
			WRITE_ONCE(*pte, *pte & ~PTE_A);
		va += size;
		if (++i % BATCH == 0)
			irq_window();
	}
	mm_flush_tlb(mm, start, end - start);
	list_for_each_entry(n, &mm->notifiers, link)
		n->clear_young(n, start, end);
}

void mm_age_leaf(struct mm *mm, unsigned long va, pte_t *pte, unsigned long size)
{
	struct hv_notifier *n;

	if (has_access(*pte))
		WRITE_ONCE(*pte, *pte & ~PTE_A);
	if (size == SZ_4K)
		sfence_vma_page(va);
	else
		sfence_vma_all();
	list_for_each_entry(n, &mm->notifiers, link)
		n->clear_young(n, va, va + size);
}

bool mm_is_young(struct mm *mm, unsigned long va, pte_t pte, unsigned long size)
{
	struct hv_notifier *n;

	if ((pte & PTE_A) && has_access(pte))
		return true;
	list_for_each_entry(n, &mm->notifiers, link)
		if (n->test_young(n, va, va + size))
			return true;
	return false;
}

void mm_count(struct mm *mm, const struct vma *vma, struct mm_counts *counts)
{
	unsigned long va = vma->start, size;
	unsigned int i = 0;
	pte_t *pte;

	*counts = (struct mm_counts){ 0 };
	while ((pte = mm_next_leaf_within(mm, &va, vma->end, &size)) != NULL) {
		unsigned long pages = mm_leaf_pages(*pte, size);

		counts->present += pages;
		if (size == SZ_2M)
			counts->huge += pages;
		if (pages && mm_is_young(mm, va, *pte, size))
			counts->young += pages;
		va += size;
		if (++i % BATCH == 0)
			irq_window();
	}
}
