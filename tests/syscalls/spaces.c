// SPDX-License-Identifier: MIT
/*
 * spaces.c - check the page tables of address spaces, and the references to the pages that they map.
 *
 * A check of all tables after each call would take most of the time. So this file keeps a copy of
 * each table and counts how many leaves map each page. It compares a table with its copy only if
 * the lock of its address space was taken since the last check, and then checks only the entries
 * that differ; if the areas have changed, too, it checks all entries of that address space. A page's
 * references are checked if they or its leaves have changed. spaces_forget() drops the copies: the
 * next check is a full one, which also finds changes that were made without the lock.
 *
 * This file is compiled without sanitizers: it reads page tables, and page_refs() tells whether a
 * table is in use.
 */
#include "invariants.h"
#include <string.h>
#include "file/file.h"
#include "fs/ramfs.h"
#include "machine.h"
#include "mm/mm.h"
#include "mm/page.h"
#include "mm/vma.h"

#define NR_PAGES ((unsigned int)(MACHINE_RAM_SIZE / PAGE_SIZE))
#define ENTRIES  512

/* Properties of a leaf's area when the leaf was counted. */
#define IN_FILE   1 /* the area maps a file, so the page may have other references */
#define OWN_WRITE 2 /* a private page that is writable */
#define OF_FILE   4 /* a shared page, to which its file also has a reference */

static struct table {
	const struct mm *mm; /* NULL: the page is not known as a table */
	unsigned long base;
	int level;
	unsigned int place; /* in known[] */
	unsigned long pages;
	u64 lines;      /* a bit for each 8 entries: the copy's may differ from 0 */
	pte_t *entries; /* the copies, with the properties of the leaves */
	u8 *properties;
} tables[NR_PAGES];
static pte_t copies[NR_PAGES][ENTRIES] __attribute__((aligned(64)));
static u8 properties[NR_PAGES][ENTRIES];
static unsigned int known[NR_PAGES], nr_known;

/* The leaves that map each page: all, and those with each property. */
static struct counts {
	u16 leaves, in_file, own_write, of_file;
	bool noted;
} counts[NR_PAGES];
static unsigned int noted[NR_PAGES], nr_noted;

/* Bits (lock_bit()) of the locks that were taken since the last check, and of the known spaces'. */
static u64 taken, of_spaces;
static bool is_new; /* an address space has been created */

static unsigned int index_of(hpa_t pa)
{
	return (unsigned int)((pa - MACHINE_RAM_BASE) / PAGE_SIZE);
}

static hpa_t page_at(unsigned int i)
{
	return MACHINE_RAM_BASE + (hpa_t)i * PAGE_SIZE;
}

static void leaf_error(const struct mm *mm, unsigned long va, pte_t pte, const char *what)
{
	machine_fail("mm %p: leaf 0x%lx at 0x%lx: %s", (const void *)mm, (unsigned long)pte, va,
		     what);
}

/* ---- locks ---- */

static u64 lock_bit(const struct mutex *m)
{
	return BIT((unsigned long)m * 0x9e3779b97f4a7c15 >> 58);
}

void space_lock_taken(const struct mutex *m)
{
	taken |= lock_bit(m);
}

void space_created(void)
{
	is_new = true;
}

bool spaces_changed(void)
{
	return is_new || taken & of_spaces || nr_noted;
}

bool space_changed(const struct mm *mm)
{
	return is_new || taken & lock_bit(&mm->lock);
}

void spaces_checked(void)
{
	taken = of_spaces = 0;
	is_new = false;
}

void space_watch(const struct mm *mm)
{
	of_spaces |= lock_bit(&mm->lock);
}

/* ---- pages ---- */

static void note(unsigned int i)
{
	if (!counts[i].noted) {
		counts[i].noted = true;
		noted[nr_noted++] = i;
	}
}

static void count(pte_t pte, unsigned long size, u8 property, int by)
{
	unsigned int first = index_of(pte_to_hpa(pte));

	for (unsigned int i = first; i < first + size / PAGE_SIZE; i++) {
		counts[i].leaves += by;
		counts[i].in_file += property & IN_FILE ? by : 0;
		counts[i].own_write += property & OWN_WRITE ? by : 0;
		counts[i].of_file += property & OF_FILE ? by : 0;
		note(i);
	}
}

static unsigned long entry_size(const struct table *t)
{
	return PAGE_SIZE << (9 * t->level);
}

static u64 line_of(unsigned long i)
{
	return BIT(i / 8);
}

static void set_entry(struct table *t, unsigned long i, pte_t pte)
{
	t->entries[i] = pte;
	t->lines |= line_of(i);
}

/* Remove an entry from the copy and from the counts. */
static void uncount(struct table *t, unsigned long i)
{
	pte_t old = t->entries[i];

	t->entries[i] = 0;
	if (!old || !pte_is_leaf(old))
		return;
	t->pages -= mm_leaf_pages(old, entry_size(t));
	if (!page_is_zero(pte_to_hpa(old)))
		count(old, entry_size(t), t->properties[i], -1);
}

static void forget(struct table *t)
{
	if (!t->mm)
		return;
	for (unsigned long line = 0; line < ENTRIES; line += 8)
		for (unsigned long i = line; t->lines & line_of(line) && i < line + 8; i++)
			uncount(t, i);
	t->mm = NULL;
	known[t->place] = known[--nr_known];
	tables[known[t->place]].place = t->place;
}

void space_page_changed(hpa_t pa)
{
	unsigned int i = index_of(pa);

	if (i >= NR_PAGES)
		return;
	if (counts[i].leaves)
		note(i);
	if (tables[i].mm && !page_refs(pa))
		forget(&tables[i]);
}

void spaces_forget(bool (*is_gone)(const struct mm *mm))
{
	for (unsigned int k = nr_known; k--;)
		if (!is_gone || is_gone(tables[known[k]].mm))
			forget(&tables[known[k]]);
	if (!is_gone)
		is_new = true;
}

static struct table *table_at(const struct mm *mm, hpa_t pa, int level, unsigned long base)
{
	unsigned int i = index_of(pa);
	struct table *t = &tables[i];

	if (!native_ram(pa) || page_refs(pa) != 1)
		machine_fail("mm %p: the table at 0x%llx has %llu references", (const void *)mm, pa,
			     page_refs(pa));
	if (t->mm == mm && t->level == level && t->base == base)
		return t;
	forget(t);
	*t = (struct table){ mm, base, level, nr_known, 0, 0, copies[i], properties[i] };
	known[nr_known++] = i;
	return t;
}

/* ---- leaves ---- */

static struct ram_file *shared_file(const struct vma *vma)
{
	struct inode *inode = vma->file ? vma->file->inode : NULL;

	return inode && vma->flags & VMA_SHARED && vma->file->ops->truncate == ram_truncate
		       ? inode->data
		       : NULL;
}

static bool is_changing(const struct ram_file *rf)
{
	return rf->lock.holder || rf->write_lock.holder;
}

/* A leaf of a shared mapping maps the page that the file has there, none that it no longer has. */
static void check_file_page(const struct mm *mm, const struct vma *vma, unsigned long va, pte_t pte,
			    unsigned long size)
{
	const struct ram_file *rf = shared_file(vma);
	u64 index = vma->pgoff + (va - vma->start) / PAGE_SIZE;

	if (is_changing(rf))
		return;
	for (unsigned long at = 0; at < size; at += PAGE_SIZE, index++) {
		const hpa_t *slot = ram_page_slot(rf, index);

		if (!slot || *slot != pte_to_hpa(pte) + at)
			leaf_error(mm, va + at, pte, "its file does not have this page there");
		if (index * PAGE_SIZE >= rf->size)
			leaf_error(mm, va + at, pte, "it lies beyond the end of its file");
	}
}

/* Check a leaf, and return its properties. */
static u8 check_leaf(const struct mm *mm, const struct vma *vma, unsigned long va, pte_t pte,
		     unsigned long size)
{
	const pte_t rights = PTE_R | PTE_W | PTE_X | PTE_U;
	hpa_t pa = pte_to_hpa(pte);
	u8 property = vma->file ? IN_FILE : 0;

	if (va < vma->start || va + size > vma->end)
		leaf_error(mm, va, pte, "it crosses its area");
	if (pte & rights & ~vma_pte_flags(vma->prot))
		leaf_error(mm, va, pte, "it has more rights than its area");
	if (!native_ram(pa) || !native_ram(pa + size - 1))
		leaf_error(mm, va, pte, "it maps no memory");
	if (page_is_zero(pa)) {
		if (pte & PTE_W)
			leaf_error(mm, va, pte, "the zero page is writable");
		return 0;
	}
	if (!(vma->flags & VMA_SHARED) && pte & PTE_W)
		property |= OWN_WRITE;
	if (shared_file(vma)) {
		property |= OF_FILE;
		check_file_page(mm, vma, va, pte, size);
	}
	return property;
}

/*
 * Return the index of the first entry, from i on, that has to be checked: in a last-level table,
 * one that differs from the copy; in other tables, or if `all` is set, one that is or was in use.
 * The reads take most of the time, so entries are skipped eight at a time, and only those lines of
 * the copy are read that are in use.
 */
static unsigned long next_to_check(const struct table *t, const pte_t *entries, unsigned long i,
				   unsigned long n, bool all)
{
	typedef pte_t __attribute__((vector_size(16))) pair;
	bool equal = !all && t->level == 0;
	const pte_t *old = t->entries;

	for (; i < n; i++) {
		for (; i % 8 == 0 && i < n; i += 8) {
			const pair *a = (const pair *)(entries + i), *b = (const pair *)(old + i);
			pair any = a[0] | a[1] | a[2] | a[3];

			if (t->lines & line_of(i))
				any = (a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3]);
			if (any[0] | any[1] || (t->lines & line_of(i) && !equal))
				break;
		}
		if (i < n && (equal ? entries[i] != old[i] : entries[i] | old[i]))
			return i;
	}
	return n;
}

static void check_entry(struct table *t, unsigned long va, unsigned long i, pte_t pte,
			const struct vma **vma)
{
	const struct mm *mm = t->mm;
	u8 property;

	while (&(*vma)->link != &mm->vmas && (*vma)->end <= va)
		*vma = list_entry((*vma)->link.next, const struct vma, link);
	if (&(*vma)->link == &mm->vmas)
		leaf_error(mm, va, pte, "it lies in no area");
	property = check_leaf(mm, *vma, va, pte, entry_size(t));
	if (t->entries[i] == pte && t->properties[i] == property)
		return;
	uncount(t, i);
	t->properties[i] = property;
	set_entry(t, i, pte);
	t->pages += mm_leaf_pages(pte, entry_size(t));
	if (!page_is_zero(pte_to_hpa(pte)))
		count(pte, entry_size(t), t->properties[i], 1);
}

/* Check what has changed, or all leaves. Returns how many pages the table's leaves map. */
static unsigned long check_table(struct table *t, hpa_t pa, bool all, const struct vma **vma)
{
	const pte_t *entries = pa_to_va(pa);
	unsigned long pages = 0;

	for (unsigned long n = t->level == 2 ? ENTRIES / 2 : ENTRIES,
			   i = next_to_check(t, entries, 0, n, all);
	     i < n; i = next_to_check(t, entries, i + 1, n, all)) {
		unsigned long va = t->base + i * entry_size(t);
		pte_t pte = entries[i], old = t->entries[i];

		if (pte && !(pte & PTE_V))
			leaf_error(t->mm, va, pte, "it is not valid, and not 0");
		if (pte && !pte_is_leaf(pte)) {
			if (old != pte)
				uncount(t, i);
			set_entry(t, i, pte);
			pages += check_table(table_at(t->mm, pte_to_hpa(pte), t->level - 1, va),
					     pte_to_hpa(pte), all, vma);
		} else if (all || (pte ^ old) & ~(PTE_A | PTE_D)) {
			if (pte)
				check_entry(t, va, i, pte, vma);
			else
				uncount(t, i);
		} else {
			t->entries[i] = pte;
		}
	}
	return pages + t->pages;
}

unsigned long space_check(const struct mm *mm, bool all)
{
	const struct vma *vma = list_first_entry(&mm->vmas, const struct vma, link);

	return check_table(table_at(mm, mm->root, 2, 0), mm->root, all, &vma);
}

/* ---- references ---- */

/* Is a thread that sleeps changing a file that is mapped where a leaf maps this page? */
static bool is_in_changing_file(unsigned int page)
{
	for (unsigned int k = 0; k < nr_known; k++) {
		const struct table *t = &tables[known[k]];

		for (unsigned long i = 0; i < ENTRIES; i++) {
			unsigned long first = index_of(pte_to_hpa(t->entries[i]));
			const struct vma *vma;

			if (!(t->properties[i] & OF_FILE) || !t->entries[i] || page < first ||
			    page >= first + entry_size(t) / PAGE_SIZE)
				continue;
			list_for_each_entry(vma, &t->mm->vmas, link)
				if (shared_file(vma) && is_changing(shared_file(vma)))
					return true;
		}
	}
	return false;
}

/*
 * An anonymous page has one reference for each leaf that maps it; a page of a file has one more.
 * Returns false if the page has to be checked again later.
 */
static bool check_page(unsigned int i, bool exact)
{
	const struct counts *c = &counts[i];
	u64 refs = page_refs(page_at(i));

	if (!c->leaves)
		return true;
	if (!refs)
		machine_fail("page 0x%llx: a leaf maps a free page", page_at(i));
	if (refs < c->leaves || (exact && !c->in_file && refs != c->leaves))
		machine_fail("page 0x%llx has %llu references, and %u leaves", page_at(i), refs,
			     c->leaves);
	if (c->own_write && refs != 1)
		machine_fail("page 0x%llx: a private page is writable, and has other users",
			     page_at(i));
	if (c->of_file && refs == c->leaves) {
		if (!is_in_changing_file(i))
			machine_fail("page 0x%llx: a leaf maps it, and its file has dropped it",
				     page_at(i));
		return false;
	}
	return exact || c->in_file;
}

void spaces_check_pages(bool exact)
{
	unsigned int n = nr_noted;

	nr_noted = 0;
	for (unsigned int k = 0; k < n; k++) {
		unsigned int i = noted[k];

		counts[i].noted = false;
		if (!check_page(i, exact))
			note(i);
	}
}
