// SPDX-License-Identifier: MIT
/*
 * invariants.c - checks of the host's data after each call, and of leaks after each sequence.
 *
 * An address space whose lock is held is skipped: its holder sleeps in the middle of a change.
 */
#include "invariants.h"
#include <string.h>
#include "file/file.h"
#include "fs/inode.h"
#include "machine.h"
#include "mm/hugetlb.h"
#include "mm/mm.h"
#include "mm/page.h"
#include "mm/vma.h"
#include "proc/process.h"

#define NR_PAGES   (MACHINE_RAM_SIZE / PAGE_SIZE)
#define MAX_SPACES 16

static unsigned short mapped[NR_PAGES]; /* by how many leaves */
static bool has_file[NR_PAGES];         /* some leaf is in a file's area */
static unsigned int seen[NR_PAGES], nr_seen;
static const struct mm *spaces[MAX_SPACES];
static unsigned int nr_spaces;

static void leaf_error(const struct mm *mm, unsigned long va, pte_t pte, const char *what)
{
	machine_fail("mm %p: leaf 0x%lx at 0x%lx: %s", (const void *)mm, (unsigned long)pte, va,
		     what);
}

static void count_page(hpa_t pa, bool file)
{
	unsigned int i = (unsigned int)((pa - MACHINE_RAM_BASE) / PAGE_SIZE);

	if (!mapped[i]++)
		seen[nr_seen++] = i;
	has_file[i] |= file;
}

static void check_leaf(const struct mm *mm, const struct vma *vma, unsigned long va, pte_t pte,
		       unsigned long size)
{
	const pte_t rights = PTE_R | PTE_W | PTE_X | PTE_U;
	hpa_t pa = pte_to_hpa(pte);
	bool owned = !(vma->flags & VMA_SHARED);

	if (va < vma->start || va + size > vma->end)
		leaf_error(mm, va, pte, "it crosses its area");
	if (pte & rights & ~vma_pte_flags(vma->prot))
		leaf_error(mm, va, pte, "it has more rights than its area");
	if (!native_ram(pa))
		leaf_error(mm, va, pte, "it maps no memory");
	if (page_is_zero(pa)) {
		if (pte & PTE_W)
			leaf_error(mm, va, pte, "the zero page is writable");
		return;
	}
	for (unsigned long at = 0; at < size; at += PAGE_SIZE) {
		if (!page_refs(pa + at))
			leaf_error(mm, va, pte, "it maps a free page");
		if (owned && (pte & PTE_W) && page_refs(pa + at) != 1)
			leaf_error(mm, va, pte, "a private page is writable, and has other users");
		count_page(pa + at, vma->file != NULL);
	}
}

/* Check the leaves of a table, and return how many pages they map. */
static unsigned long check_table(struct mm *mm, hpa_t table, int level, unsigned long base,
				 struct vma **vma)
{
	const pte_t *entries = pa_to_va(table);
	unsigned long size = PAGE_SIZE << (9 * level), pages = 0;

	if (page_refs(table) != 1)
		machine_fail("mm %p: the table at 0x%llx has %u references", (void *)mm, table,
			     page_refs(table));
	for (unsigned long n = level == 2 ? 256 : 512, i = next_entry(entries, 0, n); i < n;
	     i = next_entry(entries, i + 1, n)) {
		unsigned long va = base + i * size;

		if (!(entries[i] & PTE_V))
			leaf_error(mm, va, entries[i], "it is not valid, and not 0");
		if (!pte_is_leaf(entries[i])) {
			pages += check_table(mm, pte_to_hpa(entries[i]), level - 1, va, vma);
			continue;
		}
		while (&(*vma)->link != &mm->vmas && (*vma)->end <= va)
			*vma = list_entry((*vma)->link.next, struct vma, link);
		if (&(*vma)->link == &mm->vmas)
			leaf_error(mm, va, entries[i], "it lies in no area");
		check_leaf(mm, *vma, va, entries[i], size);
		pages += mm_leaf_pages(entries[i], size);
	}
	return pages;
}

static void check_areas(struct mm *mm)
{
	unsigned long end = 0, n = 0;
	struct vma *vma;

	list_for_each_entry(vma, &mm->vmas, link) {
		if (vma->start >= vma->end || vma->start < end || vma->end > USER_END)
			machine_fail("mm %p: the area 0x%lx-0x%lx is out of order", (void *)mm,
				     vma->start, vma->end);
		if ((vma->start | vma->end) % vma_page_size(vma))
			machine_fail("mm %p: the area 0x%lx-0x%lx is misaligned", (void *)mm,
				     vma->start, vma->end);
		if (vma->file && !vma->file->refs)
			machine_fail("mm %p: an area has a freed file", (void *)mm);
		end = vma->end;
		n++;
	}
	if (n != mm->nr_areas)
		machine_fail("mm %p: nr_areas is %lu, not %lu", (void *)mm, mm->nr_areas, n);
}

static bool is_busy(const struct mm *mm)
{
	return mm->lock.holder != 0;
}

static void check_space(struct mm *mm)
{
	struct vma *vma = list_first_entry(&mm->vmas, struct vma, link);
	unsigned long pages;

	check_areas(mm);
	pages = check_table(mm, mm->root, 2, 0, &vma);
	if (pages != mm->total_pages)
		machine_fail("mm %p: total_pages is %lu, not %lu", (void *)mm, mm->total_pages,
			     pages);
}

/* Every reference to a page of anonymous memory is a leaf's; a file's page has one more. */
static void check_references(bool exact)
{
	while (nr_seen) {
		unsigned int i = seen[--nr_seen];
		hpa_t pa = MACHINE_RAM_BASE + (hpa_t)i * PAGE_SIZE;
		u32 refs = page_refs(pa);

		if (refs < mapped[i] || (exact && !has_file[i] && refs != mapped[i]))
			machine_fail("page 0x%llx has %u references, and %u leaves", pa, refs,
				     mapped[i]);
		mapped[i] = 0;
		has_file[i] = false;
	}
}

static const char *host_maps(const void *owner, unsigned long hva, unsigned long pa,
			     unsigned long size, bool writable)
{
	const struct mm *mm = owner;
	unsigned long leaf_size;
	const pte_t *pte;

	(void)size;
	if (!mm->root)
		return "a VM has a leaf, and its address space is gone";
	if (is_busy(mm))
		return NULL;
	pte = pgtable_find(mm, hva, &leaf_size);
	if (!pte)
		return "the host maps nothing where a G-stage leaf does";
	if (pte_to_hpa(*pte) + (hva & (leaf_size - 1)) != pa)
		return "a G-stage leaf maps another page than the host";
	if (writable && !(*pte & PTE_W))
		return "a G-stage leaf is writable, and the host's is not";
	return NULL;
}

static bool add_space(struct mm *mm)
{
	for (unsigned int i = 0; i < nr_spaces; i++)
		if (spaces[i] == mm)
			return false;
	if (nr_spaces == MAX_SPACES)
		machine_fail("more than %d address spaces", MAX_SPACES);
	spaces[nr_spaces++] = mm;
	return true;
}

void check_invariants(void)
{
	struct process *p;
	const char *error;
	bool exact = true;

	if (held_spinlocks)
		machine_fail("%d spinlocks are held in user mode", held_spinlocks);
	if (held_mutexes())
		machine_fail("%d mutexes are held in user mode", held_mutexes());
	machine_check_tlb();
	nr_spaces = 0;
	list_for_each_entry(p, &all_processes, all_link) {
		if (!p->mm || p->memory_freed || !p->mm->users || !add_space(p->mm))
			continue;
		if (is_busy(p->mm))
			exact = false;
		else
			check_space(p->mm);
	}
	check_references(exact);
	error = core_each_leaf(host_maps);
	if (error)
		machine_fail("%s", error);
}

/* ---- leaks ---- */

struct usage {
	size_t pages, objects[8], huge;
};

static void usage_now(struct usage *usage)
{
	struct kmalloc_class class;

	memset(usage, 0, sizeof(*usage));
	usage->pages = page_free_count();
	usage->huge = huge_page_free_count();
	for (unsigned int i = 0; kmalloc_class(i, &class); i++) {
		usage->pages += class.pages;
		usage->objects[i] = class.used;
	}
}

bool check_alone(void)
{
	struct process *p;
	struct thread *t;

	list_for_each_entry(p, &all_processes, all_link)
		if (p != current_process)
			return false;
	list_for_each_entry(t, &all_threads, all_link)
		if (t != current && t->process)
			return false;
	return true;
}

void check_leaks(void)
{
	static struct usage first;
	struct usage now;

	usage_now(&now);
	if (!first.pages)
		first = now;
	if (memcmp(now.objects, first.objects, sizeof(now.objects)))
		objects_show_new();
	objects_mark();
	for (unsigned int i = 0; i < 8; i++)
		if (now.objects[i] != first.objects[i])
			machine_fail("%zd objects of %u bytes have leaked",
				     now.objects[i] - first.objects[i], 32 << i);
	if (now.pages != first.pages || now.huge != first.huge)
		machine_fail("%zd pages and %zd huge pages have leaked", first.pages - now.pages,
			     first.huge - now.huge);
	if (core_nr_vms())
		machine_fail("%u VMs are left", core_nr_vms());
}

/* ---- the file tree ---- */

static void clear(struct inode *dir)
{
	struct dentry *d;

	while (!list_empty(&dir->children)) {
		d = list_first_entry(&dir->children, struct dentry, link);
		if ((d->inode->mode & 0170000) == 0040000)
			clear(d->inode);
		dir_remove(d);
	}
}

void tree_clear(void)
{
	struct walk w = { 0 };

	mutex_lock(&tree_lock);
	if (path_walk(root_inode, "/w", 0, &w))
		machine_fail("/w is gone");
	clear(w.inode);
	inode_put(w.inode);
	mutex_unlock(&tree_lock);
}
