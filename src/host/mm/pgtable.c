// SPDX-License-Identifier: MIT
/*
 * pgtable.c - Sv39 page tables of the host: the kernel half and the user halves.
 *
 * The kernel's half (root entries 256 to 511; kstack.c writes those for the stacks) is written at
 * boot and never again; every address space copies it. So after boot, no kernel address needs a
 * fence. Spec: S §3 and §4 (Sv32, Sv39), S §2.1 (sfence.vma). Locks: mm->lock for user halves.
 */
#include <string.h>
#include "hv/csr.h"
#include "hv/pte.h"
#include "hv/trace.h"
#include "mm.h"
#include "page.h"
#include "lib/printk.h"
#include "platform/sbi.h"
#include "sched/insn.h"
#include "sched/smp.h"

#define ENTRIES     512
#define ROOT_KERNEL 256 /* first root entry of the kernel's half */
#define PTE_KERNEL  (PTE_V | PTE_G | PTE_A | PTE_D)

extern char _image_start[], _text_end[], _rodata_end[], _image_end[];

hpa_t kernel_root;

typedef pte_t table_t[ENTRIES] __attribute__((aligned(4096)));

static table_t early_root, image_mid, image_low[2];

unsigned long pgtable_init_early(unsigned long load);

static unsigned int index_of(unsigned long va, int level)
{
	return (va >> (PAGE_SHIFT + 9 * level)) & (ENTRIES - 1);
}

/*
 * Build the kernel's half; returns the value for satp that activates it. Runs at the load address
 * with the MMU off, so it uses only pc-relative addresses and calls nothing outside this file.
 */
unsigned long pgtable_init_early(unsigned long load)
{
	unsigned long text = (unsigned long)(_text_end - _image_start);
	unsigned long constants = (unsigned long)(_rodata_end - _image_start);
	unsigned long image = (unsigned long)(_image_end - _image_start);

	for (unsigned long i = 0; i < LINEAR_SIZE / SZ_1G; i++)
		early_root[ROOT_KERNEL + i] = pte_make(i * SZ_1G, PTE_KERNEL | PTE_R | PTE_W);
	for (unsigned long off = 0; off < image; off += PAGE_SIZE) {
		unsigned long flags = off < PAGE_SIZE ? PTE_R | PTE_W : /* the run descriptor */
					      off < text ? PTE_R | PTE_X
				      : off < constants  ? PTE_R
							 : PTE_R | PTE_W;

		image_low[off / SZ_2M][index_of(off, 0)] = pte_make(load + off, PTE_KERNEL | flags);
	}
	image_mid[index_of(KERNEL_BASE, 1)] = pte_make((unsigned long)image_low[0], PTE_V);
	image_mid[index_of(KERNEL_BASE, 1) + 1] = pte_make((unsigned long)image_low[1], PTE_V);
	early_root[index_of(KERNEL_BASE, 2)] = pte_make((unsigned long)image_mid, PTE_V);
	return FIELD_PREP(SATP_MODE, SATP_MODE_SV39) | (unsigned long)early_root >> PAGE_SHIFT;
}

static pte_t *table_va(pte_t pte)
{
	return pa_to_va(pte_to_hpa(pte));
}

int pgtable_init_mm(struct mm *mm)
{
	hpa_t root = page_alloc_zeroed(0);
	pte_t *table;

	if (!root)
		return -1;
	table = pa_to_va(root);
	memcpy(table + ROOT_KERNEL, early_root + ROOT_KERNEL,
	       sizeof(pte_t) * (ENTRIES - ROOT_KERNEL));
	mm->root = root;
	return 0;
}

void pgtable_free_mm(struct mm *mm)
{
	pte_t *root = pa_to_va(mm->root);

	BUG_ON(!hartmask_is_empty(
		&mm->harts)); /* a hart using this root would also lose the kernel half */
	for (int i = 0; i < ROOT_KERNEL; i++) {
		pte_t *mid;

		if (!pte_is_table(root[i]))
			continue;
		mid = table_va(root[i]);
		for (int j = 0; j < ENTRIES; j++)
			if (pte_is_table(mid[j]))
				page_free(pte_to_hpa(mid[j]), 0);
		page_free(pte_to_hpa(root[i]), 0);
	}
	page_free(mm->root, 0);
	mm->root = 0;
}

/*
 * Replace a 2M leaf with 512 leaves of 4K with the same permissions; no translation changes.
 * Returns false if there is no memory for the table.
 */
static bool split_leaf(pte_t *pte)
{
	hpa_t low = page_alloc(0), pa = pte_to_hpa(*pte);
	unsigned long flags = *pte & (~PTE_PPN);
	pte_t *table;

	if (!low)
		return false;
	table = pa_to_va(low);
	for (unsigned long i = 0; i < ENTRIES; i++)
		table[i] = pte_make(pa + i * PAGE_SIZE, flags);
	/* Release: the entries are written before another hart's walker can find the table. */
	__atomic_store_n(pte, pte_make(low, PTE_V), __ATOMIC_RELEASE);
	return true;
}

pte_t *pgtable_alloc(struct mm *mm, unsigned long va, unsigned long size)
{
	pte_t *table = pa_to_va(mm->root);
	int last = size == SZ_2M ? 1 : 0;

	for (int level = 2; level > last; level--) {
		pte_t *pte = &table[index_of(va, level)];

		if (!(*pte & PTE_V)) {
			hpa_t next = page_alloc_zeroed(0);

			if (!next)
				return NULL;
			__atomic_store_n(pte, pte_make(next, PTE_V), __ATOMIC_RELEASE);
		} else if (pte_is_leaf(*pte) && (level != 1 || !split_leaf(pte))) {
			return NULL;
		}
		table = table_va(*pte);
	}
	return &table[index_of(va, last)];
}

bool pgtable_collapse_empty(struct mm *mm, unsigned long va)
{
	pte_t *table = pa_to_va(mm->root);
	pte_t *pte = &table[index_of(va, 2)];
	hpa_t low;

	if (!(*pte & PTE_V))
		return true;
	pte = &table_va(*pte)[index_of(va, 1)];
	if (!(*pte & PTE_V))
		return true;
	if (pte_is_leaf(*pte))
		return false;
	low = pte_to_hpa(*pte);
	table = pa_to_va(low);
	for (int i = 0; i < ENTRIES; i++)
		if (table[i])
			return false;
	*pte = 0;
	/* Until the fence, walkers may use a cached pointer, which no fence of a range drops. */
	mm_flush_tlb(mm, 0, ~0UL);
	peek_invalidate(mm);
	page_free(low, 0);
	return true;
}

/* ---- fences, and the table that a hart uses ---- */

void mm_flush_tlb(struct mm *mm, unsigned long va, unsigned long size)
{
	struct hv_hartmask others;
	bool elsewhere = hartmask_without(&others, &mm->harts, this_hart());

	trace_tlb_flush(va, size, READ_ONCE(mm->harts.word[0]));
	if (hartmask_test(&mm->harts, this_hart())) {
		if (size <= PAGE_SIZE)
			sfence_vma_page(va);
		else
			sfence_vma_all();
	}
	if (elsewhere)
		sbi_remote_fence(SBI_RFENCE_REMOTE_SFENCE_VMA, &others, va, size, 0);
}

/*
 * The host does not use ASIDs: switching the address space drops every user translation, so an mm
 * needs fences only on harts that have it in satp. This hart's bit in next->harts is set before
 * satp is written, and the fence after the write drops all old translations of `next`.
 */
void mm_activate(struct mm *next)
{
	struct hart *me = my_hart();
	struct mm *prev = me->mm;

	if (prev == next)
		return;
	if (next) {
		WRITE_ONCE(next->activated, true);
		hartmask_set_atomic(&next->harts, this_hart());
	}
	csr_write(satp, FIELD_PREP(SATP_MODE, SATP_MODE_SV39) |
				(next ? next->root : kernel_root) >> PAGE_SHIFT);
	sfence_vma_all();
	/* next->harts has this hart's bit: from now on, mm_sync_icache() fences this hart, too. */
	if (next && hartmask_test(&next->icache_stale, this_hart())) {
		hartmask_clear_atomic(&next->icache_stale, this_hart());
		fence_i();
	}
	me->mm = next;
	if (prev)
		hartmask_clear_atomic(&prev->harts, this_hart());
}

/* Called at boot, before an address space copies early_root and before other harts run. */
void pgtable_set_kernel(unsigned long va, hpa_t mid)
{
	early_root[index_of(va, 2)] = pte_make(mid, PTE_V);
	sfence_vma_all();
}

void pgtable_init(hpa_t load)
{
	kernel_root = load + (hpa_t)((char *)early_root - _image_start);
}
