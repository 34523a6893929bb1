// SPDX-License-Identifier: MIT
/*
 * mm_age.c - which pages are in use: young marks taken away, and looked at later.
 *
 * A page is young if its leaf has A, in the process's table or in a guest's G-stage. Taking
 * the mark away and looking again shows who uses what: a working set. Hardware sets A
 * anew at the next access (Svadu), or the access faults and mm_fault() or the core do it.
 * Asked for by madvise(MADV_COLD) for a range, /proc/self/clear_refs for all; seen in
 * /proc/self/smaps. Locks: mm->lock.
 */
#include <linux/mman.h>
#include "hv/host.h"
#include "hv/trace.h"
#include "sched/thread.h"
#include "vma.h"

#define BATCH 512 /* leaves between two looks for interrupts */

/* PROT_NONE's leaf is nothing that hardware uses: it has A for ever. */
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
		/* Alone A can change under our hands, and then only to what it is now. */
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
		counts->present += size / PAGE_SIZE;
		if (size == SZ_2M)
			counts->huge += size / PAGE_SIZE;
		if (mm_is_young(mm, va, *pte, size))
			counts->young += size / PAGE_SIZE;
		va += size;
		if (++i % BATCH == 0)
			irq_window();
	}
}
