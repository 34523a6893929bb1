// SPDX-License-Identifier: MIT
/*
 * pgtable_find.c - find the leaf of a user page table that maps an address, with or without
 * mm->lock.
 *
 * Without the lock, another thread may meanwhile unlink a level-0 table and free it, and its memory
 * may be reused at once. (The root and the level-1 tables live as long as the address space.) That
 * thread increments peek_seq after it has unlinked the table and before it frees it. So if
 * peek_seq has not changed when a leaf has been read, the leaf was read from a live table.
 *
 * peek_seq is odd while a page with instructions is in the page table but the guests' harts have
 * not yet executed a fence.i (peek_stop()). Nothing is found meanwhile.
 */
#include "hv/bits.h"
#include "mm.h"

/* Each entry is read once, because without the lock it may change at any time. */
static inline __attribute__((always_inline)) pte_t *find(const struct mm *mm, unsigned long va,
							 unsigned long *size)
{
	pte_t *table = pa_to_va(mm->root);

	for (int level = 2;; level--) {
		pte_t *pte = &table[(va >> (PAGE_SHIFT + 9 * level)) & 511];
		pte_t entry = READ_ONCE(*pte);

		if (!(entry & PTE_V))
			return NULL;
		if (pte_is_leaf(entry)) {
			*size = PAGE_SIZE << (9 * level);
			return pte;
		}
		if (level == 0)
			return NULL;
		table = pa_to_va(pte_to_hpa(entry));
	}
}

pte_t *pgtable_find(const struct mm *mm, unsigned long va, unsigned long *size)
{
	return find(mm, va, size);
}

bool pgtable_peek(const struct mm *mm, unsigned long va, pte_t *leaf, unsigned long *size)
{
	unsigned long seq = __atomic_load_n(&mm->peek_seq, __ATOMIC_ACQUIRE);
	pte_t *pte = find(mm, va, size);

	if (!pte)
		return false;
	*leaf = READ_ONCE(*pte);
	/* The leaf is read before peek_seq is read again. */
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return !(seq & 1) && READ_ONCE(mm->peek_seq) == seq;
}
